import EvidenceModel
import SigV4
import Testing

@testable import S3

@Suite struct EndpointTests {
    @Test(arguments: [
        ("https://s3.amazonaws.com", "https://s3.amazonaws.com"),
        ("HTTPS://S3.Example.ORG:443/", "https://s3.example.org"),
        ("http://h:80", "http://h"), ("http://h:443", "http://h:443"),
        ("http://127.0.0.1:8333", "http://127.0.0.1:8333"),
        ("http://[::1]:9000/", "http://[::1]:9000"), ("https://[FD00::1]", "https://[fd00::1]"),
    ])
    func areReduced(url: String, text: String) {
        #expect(S3Endpoint(url)?.description == text)
    }

    @Test(arguments: [
        "", "s3.amazonaws.com", "ftp://h", "http://", "http:///", "http://h/path", "http://h?a",
        "http://user@h", "http://h:0", "http://h:65536", "http://h:", "http://h:+1", "http://h:x",
        "http://[::1", "http://::1", "http://[]", "http://a b", "http://é", "http://h//",
        "http://h\r\nX: y",
    ])
    func othersAreRefused(url: String) {
        #expect(S3Endpoint(url) == nil)
    }

    @Test func amazonHasOneInEachRegion() throws {
        let frankfurt = try #require(ScopeName("eu-central-1"))
        #expect(S3Endpoint.aws(frankfurt)?.host == "s3.eu-central-1.amazonaws.com")
        let beijing = try #require(ScopeName("cn-north-1"))
        #expect(S3Endpoint.aws(beijing)?.host == "s3.cn-north-1.amazonaws.com.cn")
    }

    @Test(arguments: [
        ("http://127.0.0.1:1", true), ("http://localhost", true), ("http://[::1]:1", true),
        ("http://127.0.0.1.example.org", false), ("http://127.example", false),
        ("http://localhost.example.org", false), ("http://[::2]", false),
        ("http://10.0.0.1", false),
    ])
    func knowThisMachine(url: String, isLoopback: Bool) {
        #expect(S3Endpoint(url)?.isLoopback == isLoopback)
    }
}

@Suite struct BucketTests {
    @Test(arguments: ["abc", "a-b.c", "123", String(repeating: "a", count: 63)])
    func namesThatAre(text: String) {
        #expect(BucketName(text)?.text == text)
    }

    @Test(arguments: [
        "", "ab", "Abc", "a_b", "-ab", "ab-", ".ab", "a..b", "a/b", "é12",
        String(repeating: "a", count: 64),
    ])
    func namesThatAreNot(text: String) {
        #expect(BucketName(text) == nil)
    }

    @Test func prefixesEndWithASlash() {
        #expect(KeyPrefix("")?.text.isEmpty == true)
        #expect(KeyPrefix("a")?.text == "a/")
        #expect(KeyPrefix("a/b/")?.text == "a/b/")
        #expect(KeyPrefix("/a") == nil)
        #expect(KeyPrefix(String(repeating: "a", count: 256)) == nil)
    }
}

@Suite struct TextTests {
    @Test(arguments: [
        ("2033-11-22T00:00:00Z", "2033-11-22T00:00:00.000Z"),
        ("2033-11-22T00:00:00.000Z", "2033-11-22T00:00:00.000Z"),
        ("2033-11-22T00:00:00.1Z", "2033-11-22T00:00:00.100Z"),
        ("2033-11-22T00:00:00.123456789Z", "2033-11-22T00:00:00.123Z"),
    ])
    func timesOfStores(text: String, time: String) {
        #expect(Timestamp(storeText: text)?.rfc3339 == time)
    }

    @Test(arguments: [
        "", "2033-11-22", "2033-11-22T00:00:00", "2033-11-22T00:00:00.Z", "2033-11-22T00:00:00.xZ",
        "2033-11-22T00:00:00+00:00", "2033-13-22T00:00:00Z", "2033-11-22T00:00:00.1.1Z",
    ])
    func whatIsNoTime(text: String) {
        #expect(Timestamp(storeText: text) == nil)
    }

    @Test(arguments: [
        ("", ""), ("a%20b+c%2Bd", "a b c+d"), ("%C3%A9%2f", "é/"), ("a/b", "a/b"),
    ])
    func decodesKeys(text: String, decoded: String) {
        #expect(formDecoded(text) == decoded)
    }

    @Test(arguments: ["%", "%2", "%2x", "%FF", "a%C3"])
    func refusesBrokenKeys(text: String) {
        #expect(formDecoded(text) == nil)
    }

    @Test func escapesForXML() {
        #expect(xmlEscaped("a<b>&\"é🔒\n") == "a&lt;b&gt;&amp;\"é🔒&#10;")
        #expect(xmlEscaped("a\u{1}") == nil)
        #expect(xmlEscaped("a\u{FFFE}") == nil)
    }

    @Test func excerptsAreOneShortLine() {
        #expect(excerpt("a\r\nb\u{7f}") == "a  b ")
        #expect(excerpt("abc", limit: 2) == "ab …")
        #expect(excerpt("ab", limit: 2) == "ab")
    }
}
