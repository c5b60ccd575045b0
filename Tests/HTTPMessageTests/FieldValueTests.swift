import Testing

@testable import HTTPMessage

@Suite struct RangeSelectionTests {
    private func select(_ field: String?, of length: UInt64 = 100) -> RangeSelection {
        RangeSelection(field, lengthBytes: length)
    }

    @Test func oneRange() {
        #expect(select("bytes=0-0") == .part(0..<1))
        #expect(select("bytes=10-19") == .part(10..<20))
        #expect(select("BYTES= 10-19 ") == .part(10..<20))
        #expect(select("bytes=90-") == .part(90..<100))
        #expect(select("bytes=90-1000") == .part(90..<100))
        #expect(select("bytes=0-18446744073709551615") == .part(0..<100))
        #expect(select("bytes=0-99999999999999999999999") == .part(0..<100))
    }

    @Test func suffix() {
        #expect(select("bytes=-1") == .part(99..<100))
        #expect(select("bytes=-100") == .part(0..<100))
        #expect(select("bytes=-101") == .part(0..<100))
        #expect(select("bytes=-0") == .unsatisfiable)
    }

    @Test func beyondTheEnd() {
        #expect(select("bytes=100-") == .unsatisfiable)
        #expect(select("bytes=100-200") == .unsatisfiable)
        #expect(select("bytes=0-", of: 0) == .unsatisfiable)
        #expect(select("bytes=-5", of: 0) == .unsatisfiable)
    }

    @Test(arguments: [
        nil, "", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=1", "bytes=5-4", "items=0-1",
        "bytes=0-1,3-4", "bytes=+1-2", "bytes=1-2x", "bytes=--1", "bytes=0x1-2",
    ])
    func othersAreIgnored(_ field: String?) {
        #expect(select(field) == .whole)
    }
}

@Suite struct EntityTagTests {
    private let tag = EntityTag("abc")

    @Test func ifNoneMatch() {
        #expect(tag.matches(ifNoneMatch: ["\"abc\""]))
        #expect(tag.matches(ifNoneMatch: ["\"x\", \"abc\""]))
        #expect(tag.matches(ifNoneMatch: ["\"x\"", "W/\"abc\""]))
        #expect(tag.matches(ifNoneMatch: [" * "]))
        #expect(!tag.matches(ifNoneMatch: []))
        #expect(!tag.matches(ifNoneMatch: ["abc", "\"ab\"", "", ","]))
    }

    @Test func ifRangeNeedsTheStrongTag() {
        #expect(tag.allowsRange(ifRange: nil))
        #expect(tag.allowsRange(ifRange: " \"abc\""))
        #expect(!tag.allowsRange(ifRange: "W/\"abc\""))
        #expect(!tag.allowsRange(ifRange: "Sat, 21 Nov 2026 08:40:42 GMT"))
    }
}

@Suite struct DeclaredDigestTests {
    @Test func sha256IsFoundAmongOthers() {
        #expect(DeclaredDigest(["sha-256=:QUJD:"]) == .sha256("QUJD"))
        #expect(DeclaredDigest(["sha-512=:AA==:, sha-256=:QUJD:"]) == .sha256("QUJD"))
        #expect(DeclaredDigest(["sha-512=:AA==:", " sha-256=:QUJD: "]) == .sha256("QUJD"))
        #expect(DeclaredDigest(["sha-256=::"]) == .sha256(""))
    }

    @Test func noHeaderIsNotTheSameAsOneWithoutADigestThatIsChecked() {
        #expect(DeclaredDigest([]) == .none)
        #expect(DeclaredDigest([""]) == .otherAlgorithms)
        #expect(DeclaredDigest(["sha-512=:AA==:", "md5=:AAAA:"]) == .otherAlgorithms)
    }

    @Test(arguments: [
        "sha-256", "sha-256=", "sha-256=:", "sha-256=abc", "sha-256=\"abc\"", "nonsense",
        "sha-256=:QUJD:, sha-256=:QUJD:", "sha-256=:QUJD:, x",
    ])
    func nonsenseIsNamed(_ field: String) {
        #expect(DeclaredDigest([field]) == .malformed)
    }
}

@Suite struct ContentNegotiationTests {
    private func choose(_ accept: String...) -> String {
        ContentNegotiation.preferred(["application/json", "text/plain"], accept: accept)
    }

    @Test func theClientsWeightsDecide() {
        #expect(choose() == "application/json")
        #expect(choose("text/plain") == "text/plain")
        #expect(choose("Text/Plain") == "text/plain")
        #expect(choose("text/*") == "text/plain")
        #expect(choose("*/*") == "application/json")
        #expect(choose("text/plain;q=0.5, application/json;q=0.4") == "text/plain")
        #expect(choose("text/plain;q=0.5", "application/json") == "application/json")
        #expect(choose("text/plain;q=0, */*;q=0.1") == "application/json")
        #expect(choose("application/json;q=0.05, text/plain;q=0.051") == "text/plain")
    }

    @Test func nothingAcceptableGivesTheFirst() {
        #expect(choose("image/png") == "application/json")
        #expect(choose(",,;q=") == "application/json")
        #expect(choose("text/plain;q=nonsense") == "application/json")
    }
}
