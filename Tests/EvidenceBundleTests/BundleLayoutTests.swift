import EvidenceBundle
import EvidenceModel
import Testing
import TransparencyLog

@Suite struct BundleLayoutTests {
    @Test(arguments: [
        ("a/b/report.pdf", "report.pdf"),
        ("Übersicht 1.pdf", "=C3=9Cbersicht=201.pdf"),
        (".profile", "=2Eprofile"),
        ("a.", "a=2E"),
        ("-rf", "=2Drf"),
        ("x-y", "x-y"),
        ("100%=1", "100=25=3D1"),
        (String(repeating: "n", count: 200), String(repeating: "n", count: 100)),
        (String(repeating: "n", count: 98) + "ü", String(repeating: "n", count: 98)),
    ])
    func payloadsHaveNamesThatAreSafeEverywhere(_ name: String, _ file: String) throws {
        let path = BundleLayout.payload(of: RecordIndex(41), name: try EvidenceName(name))
        #expect(path == "data/payloads/41/\(file)")
    }

    @Test func aTokenHasOnePlace() {
        #expect(BundleLayout.token(of: "tsa.example-1") == "timestamps/tsa.example-1.tst")
        #expect(BundleLayout.authority(ofToken: "timestamps/tsa.example-1.tst") == "tsa.example-1")
        for path in [
            "timestamps/.tst", "timestamps/a", "timestamps/A.tst", "timestamps/../x.tst",
            "timestamps/a/b.tst", "timestamp/a.tst", "timestamps/-a.tst", "a.tst", "",
        ] {
            #expect(BundleLayout.authority(ofToken: path) == nil, "\(path)")
        }
        let files = BundleLayout.tagFiles(with: ["b", "a-b", "a"])
        let place = files.firstIndex(of: BundleLayout.checkpoint) ?? 0
        #expect(
            files[(place + 1)...].prefix(3)
                == ["timestamps/a.tst", "timestamps/a-b.tst", "timestamps/b.tst"]
        )
        #expect(files.count == BundleLayout.tagFiles.count + 3)
    }
}
