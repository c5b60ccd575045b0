import EvidenceModel
import HTTPMessage
import Replication
import Testing

@testable import S3

@Suite struct ListingTests {
    private func page(
        _ body: String,
        prefix: String = "",
        after cursor: ListCursor? = nil
    ) throws -> (page: VersionPage?, failure: StoreFailure?, request: FakeRequest?) {
        let server = try FakeServer([.text(200, body)])
        defer { server.stop() }
        let client = try client(server) { $0.prefix = KeyPrefix(prefix) ?? .none }
        do throws(StoreFailure) {
            let page = try client.listVersions(prefix: "a", depth: .all, after: cursor, limit: 5)
            return (page, nil, server.requests.first)
        } catch {
            return (nil, error, server.requests.first)
        }
    }

    private static let entry =
        "<Version><Key>p/a%2Fb%20c+d</Key><VersionId>v1</VersionId><IsLatest>false</IsLatest>"
        + "<LastModified>2026-11-21T01:02:03.000Z</LastModified><ETag>&quot;t&quot;</ETag>"
        + "<Size>12</Size></Version>"
    private static let marker =
        "<DeleteMarker><Key>p/a</Key><VersionId>v2</VersionId><IsLatest>true</IsLatest>"
        + "</DeleteMarker>"

    @Test func versionsAndMarkersInTheirOrder() throws {
        let found = try page(
            "<ListVersionsResult><EncodingType>url</EncodingType>\(Self.marker)\(Self.entry)"
                + "<IsTruncated>true</IsTruncated><NextKeyMarker>p/a%2Fb</NextKeyMarker>"
                + "<NextVersionIdMarker>v1</NextVersionIdMarker></ListVersionsResult>",
            prefix: "p",
            after: ListCursor(key: "p/a", detail: "v0")
        )
        let page = try #require(found.page)
        #expect(
            page.entries == [
                VersionEntry(
                    name: VersionedKey(try key("a"), try version("v2")),
                    content: .deleteMarker,
                    isLatest: true,
                    modified: nil
                ),
                VersionEntry(
                    name: VersionedKey(try key("a/b c d"), try version("v1")),
                    content: .object(sizeBytes: 12, tag: ObjectTag("\"t\"")),
                    isLatest: false,
                    modified: Timestamp(rfc3339: "2026-11-21T01:02:03.000Z")
                ),
            ]
        )
        #expect(page.next == ListCursor(key: "p/a/b", detail: "v1"))
        let query = try #require(found.request).query
        #expect(query["prefix"] == "p/a")
        #expect(query["max-keys"] == "5")
        #expect(query["key-marker"] == "p/a" && query["version-id-marker"] == "v0")
    }

    /// A store that does not encode says nothing of an encoding.
    @Test func keysThatAreNotEncodedAreTakenAsTheyAre() throws {
        let found = try page("<ListVersionsResult>\(Self.entry)</ListVersionsResult>", prefix: "p")
        #expect(found.page?.entries.first?.name.key.text == "a%2Fb%20c+d")
        #expect(found.page?.next == nil)
    }

    /// A store that encodes keys, but not the marker.
    @Test func aMarkerIsTheLastKeyOfItsPage() throws {
        let found = try page(
            "<ListVersionsResult><EncodingType>url</EncodingType><Version><Key>a%2Bb</Key>"
                + "<VersionId>v1</VersionId><Size>1</Size></Version><IsTruncated>true</IsTruncated>"
                + "<NextKeyMarker>a+b</NextKeyMarker></ListVersionsResult>"
        )
        #expect(found.page?.next == ListCursor(key: "a+b", detail: nil))
    }

    @Test func foldersOfALevel() throws {
        let found = try page(
            "<ListVersionsResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
                + "<NextKeyMarker>p/a%20b/</NextKeyMarker><CommonPrefixes><Prefix>p/a%20b/</Prefix>"
                + "</CommonPrefixes></ListVersionsResult>",
            prefix: "p"
        )
        #expect(found.page?.folders == ["a b/"])
        #expect(found.page?.next == ListCursor(key: "p/a b/", detail: nil))
    }

    @Test(arguments: [
        "<ListVersionsResult><IsTruncated>true</IsTruncated></ListVersionsResult>",
        "<ListVersionsResult><Version><Key>a</Key><Size>1</Size></Version></ListVersionsResult>",
        "<ListVersionsResult><Version><VersionId>v</VersionId></Version></ListVersionsResult>",
        "<ListVersionsResult><Version><Key>a</Key><VersionId>v</VersionId></Version>"
            + "</ListVersionsResult>",
        "<ListVersionsResult><Version><Key>a</Key><VersionId>v</VersionId><Size>-1</Size></Version>"
            + "</ListVersionsResult>",
        "<ListVersionsResult><EncodingType>url</EncodingType><Version><Key>%</Key><VersionId>v"
            + "</VersionId><Size>1</Size></Version></ListVersionsResult>",
        "<ListBucketResult/>",
    ])
    func whatCannotBeReadIsAnError(body: String) throws {
        guard case .corrupt = try page(body).failure else {
            Issue.record("read \(body)")
            return
        }
    }

    @Test func aKeyOutsideThePrefixIsAnError() throws {
        let body = "<ListVersionsResult>\(Self.entry)</ListVersionsResult>"
        guard case .corrupt = try page(body, prefix: "other").failure else {
            Issue.record("took another's key")
            return
        }
    }

    @Test func manyDeletionsEachEndOnTheirOwn() throws {
        let server = try FakeServer { request, _ in
            request.method == "HEAD"
                ? .text(
                    200,
                    "x",
                    [
                        "x-amz-object-lock-mode": "COMPLIANCE",
                        "x-amz-object-lock-retain-until-date": "2033-11-22T00:00:00Z",
                    ]
                )
                : .text(
                    200,
                    "<DeleteResult><Deleted><Key>a</Key><VersionId>v</VersionId></Deleted>"
                        + "<Error><Key>b&lt;</Key><VersionId>v</VersionId>"
                        + "<Code>AccessDenied</Code><Message>no</Message></Error>"
                        + "<Error><Key>c</Key><VersionId>v</VersionId><Code>NoSuchVersion</Code>"
                        + "</Error><Error><Key>d</Key><VersionId>v</VersionId>"
                        + "<Code>InternalError</Code></Error></DeleteResult>"
                )
        }
        defer { server.stop() }
        let names = try ["a", "b<", "c", "d", "e"].map {
            VersionedKey(try key($0), try version("v"))
        }
        let outcomes = try client(server).delete(names)
        #expect(outcomes.map(\.name) == names)
        let labels = outcomes.map { outcome in
            outcome.failure.map { Mirror(reflecting: $0).children.first?.label }
        }
        #expect(labels == [nil, "locked", nil, "unavailable", "corrupt"])
        let sent = try #require(server.requests.first)
        #expect(sent.bodyText.contains("<Key>b&lt;</Key><VersionId>v</VersionId>"))
        #expect(sent.fields["content-md5"] != nil)
        #expect(try client(server).delete([]).isEmpty)
    }

    @Test func aKeyThatXMLCannotHoldIsNotAskedFor() throws {
        let server = try FakeServer([.stored])
        defer { server.stop() }
        let client = try client(server)
        let names = [VersionedKey(try key("a\u{1}"), try version("v"))]
        guard
            case .unsupported = failure({ () throws(StoreFailure) in try client.delete(names) })
        else {
            Issue.record("asked for it")
            return
        }
        #expect(server.requests.isEmpty)
    }
}
