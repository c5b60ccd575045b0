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
}
