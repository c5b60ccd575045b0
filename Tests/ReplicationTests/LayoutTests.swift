import Cryptography
import EvidenceModel
import Testing
import TransparencyLog

@testable import Replication

private func home(
    _ collection: String,
    _ kind: PackHome.Kind = .original,
    event: String? = nil
) throws -> PackHome {
    let until = try #require(Timestamp(rfc3339Seconds: "2033-11-22T00:00:00Z"))
    let lock =
        if let event {
            Lock(
                mode: .governance,
                awaiting: try EventName(event),
                then: try RetentionDuration(parsing: "7y")
            )
        } else {
            try #require(Lock(mode: .compliance, until: until))
        }
    return PackHome(collection: try CollectionName(collection), lock: lock, kind: kind)
}

private func pack(_ home: PackHome) -> ObjectKey {
    ObjectLayout.pack(home, first: RecordIndex(41), count: 3, digest: digest(of: []))
}

@Suite struct LayoutTests {
    @Test func keys() throws {
        #expect(ObjectLayout.checkpoint.text == "log/checkpoint")
        let tile = try #require(TileCoordinate(level: 1, index: 1_234))
        #expect(ObjectLayout.tile(tile).text == "log/tile/1/x001/234")
        let bundle = try #require(EntryBundleCoordinate(index: 0))
        #expect(ObjectLayout.entryBundle(bundle).text == "log/tile/entries/000")
        #expect(
            ObjectLayout.journal(first: RecordIndex(0), count: 65_536).text
                == "journal/0000000000000000-65536.tar.zst"
        )
        #expect(
            ObjectLayout.payload(try CollectionName("a.b"), RecordIndex((1 << 53) - 2)).text
                == "payloads/a.b/9007199254740990.zst"
        )
    }

    @Test func packs() throws {
        let name = "0000000000000041-3-e3b0c442.tar.zst"
        #expect(
            pack(try home("payments")).text
                == "packs/payments/COMPLIANCE/2033-11-22T00:00:00Z/\(name)"
        )
        #expect(
            pack(try home("p", .extended, event: "contract-end")).text
                == "packs/extended/p/GOVERNANCE/awaiting-contract-end/\(name)"
        )
        let matter = try Matter("case/7:a@b.c")
        #expect(
            pack(try home("p", .held(matter))).text
                == "packs/held/case%2F7%3Aa%40b.c/\(name)"
        )
        let long = try Matter("c" + String(repeating: "/", count: 100))
        let hash = SHA256.hash(long.text.utf8.span).hex
        #expect(pack(try home("p", .held(long))).text == "packs/held/\(hash)/\(name)")
    }

    @Test func keysHaveTheirMeaning() throws {
        let tile = try #require(TileCoordinate(level: 5, index: 9))
        let bundle = try #require(EntryBundleCoordinate(index: 1_000_000))
        let name = try CollectionName("held")
        let matters = ["m", "a/b", "x%", "c" + String(repeating: "@", count: 90)]
            .compactMap { try? Matter($0) }
        var packs = try [
            home("p"), home("p", .extended), home("held"), home("extended"),
            home("held", .extended), home("extended", .extended), home("p", event: "e-1"),
        ]
        for matter in matters { packs.append(try home("p", .held(matter))) }
        #expect(matters.count == 3)
        let first = RecordIndex(41)
        #expect(ObjectLayout.meaning(of: ObjectLayout.checkpoint) == .checkpoint)
        #expect(ObjectLayout.meaning(of: ObjectLayout.tile(tile)) == .tile(tile))
        #expect(ObjectLayout.meaning(of: ObjectLayout.entryBundle(bundle)) == .entryBundle(bundle))
        #expect(
            ObjectLayout.meaning(of: ObjectLayout.journal(first: first, count: 7))
                == .journal(first: first, count: 7)
        )
        #expect(
            ObjectLayout.meaning(of: ObjectLayout.payload(name, first)) == .payload(name, first)
        )
        for home in packs {
            #expect(ObjectLayout.meaning(of: pack(home)) == .pack(first: first, count: 3))
        }
        let state = try #require(ObjectKey("state/2026-11-21.tar.zst"))
        #expect(ObjectLayout.meaning(of: state) == .state)
        let probe = try #require(ObjectKey("probe/0123456789abcdef/a"))
        #expect(ObjectLayout.meaning(of: probe) == .probe)
    }

    @Test(arguments: [
        "log", "log/", "log/checkpoint/", "log/tile/0/000.p/3", "log/tile/entries/000.p/3",
        "log/tile/7/000", "log/other", "journal/41-3.tar.zst",
        "journal/0000000000000041-03.tar.zst", "journal/0000000000000041-0.tar.zst",
        "journal/0000000000000041-3.tar", "journal/9999999999999999-3.tar.zst",
        "journal/x/0000000000000041-3.tar.zst", "packs/0000000000000041-3-e3b0c442.tar.zst",
        "packs/p/COMPLIANCE/0000000000000041-3-e3b0c442.tar.zst",
        "packs/p/compliance/2033-11-22T00:00:00Z/0000000000000041-3-e3b0c442.tar.zst",
        "packs/P/COMPLIANCE/2033-11-22T00:00:00Z/0000000000000041-3-e3b0c442.tar.zst",
        "packs/p/COMPLIANCE/2033-11-22/0000000000000041-3-e3b0c442.tar.zst",
        "packs/p/COMPLIANCE/awaiting-/0000000000000041-3-e3b0c442.tar.zst",
        "packs/p/COMPLIANCE/2033-11-22T00:00:00Z/0000000000000041-3-E3B0C442.tar.zst",
        "packs/other/p/COMPLIANCE/2033-11-22T00:00:00Z/0000000000000041-3-e3b0c442.tar.zst",
        "packs/held/a%2fb/0000000000000041-3-e3b0c442.tar.zst",
        "packs/held/%2/0000000000000041-3-e3b0c442.tar.zst",
        "packs/held//0000000000000041-3-e3b0c442.tar.zst",
        "payloads/p/0000000000000041", "payloads/0000000000000041.zst",
        "payloads/p/00000000000000x1.zst", "state/2026-02-30.tar.zst", "state/2026-11-21.zst",
        "probe/0123456789abcdef", "probe/0123456789ABCDEF/a", "/log/checkpoint", "other",
    ])
    func otherKeysHaveNone(text: String) throws {
        #expect(ObjectLayout.meaning(of: try #require(ObjectKey(text))) == .foreign)
    }
}
