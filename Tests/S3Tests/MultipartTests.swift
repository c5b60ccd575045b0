import Cryptography
import HTTPMessage
import Replication
import Testing

@testable import S3

@Suite struct MultipartTests {
    private func parts() throws -> [UploadedPart] {
        try ["a", "b"].enumerated().map { index, text in
            UploadedPart(
                number: index + 1,
                tag: try #require(ObjectTag("\"t\(index)\"")),
                checksum: digest(bytes(text))
            )
        }
    }

    private static let done =
        "<CompleteMultipartUploadResult><ETag>&quot;whole-2&quot;</ETag>"
        + "</CompleteMultipartUploadResult>"

    @Test func fromItsBeginningToItsEnd() throws {
        let server = try FakeServer { request, _ in
            switch (request.method, request.query.keys.sorted()) {
            case ("POST", ["uploads"]):
                .text(
                    200,
                    "<InitiateMultipartUploadResult><UploadId>u&amp;1</UploadId>"
                        + "</InitiateMultipartUploadResult>"
                )
            case ("PUT", _): .stored
            default: .text(200, Self.done, ["x-amz-version-id": "v9"])
            }
        }
        defer { server.stop() }
        let client = try client(server)
        var request = MultipartRequest(key: try key("k"))
        request.lock = try lock()
        let upload = try client.beginMultipart(request)
        #expect(upload.identifier == "u&1")
        let part = try client.uploadPart(
            upload,
            number: 1,
            body: .bytes(bytes("a")),
            checksum: digest(bytes("a"))
        )
        let result = try client.completeMultipart(upload, parts: [part], condition: .absent)
        #expect(result.tag.text == "\"whole-2\"")
        #expect(result.version == (try version("v9")))
        let sent = server.requests
        #expect(sent[0].fields["x-amz-object-lock-mode"] == "COMPLIANCE")
        #expect(sent[0].fields["x-amz-checksum-algorithm"] == "SHA256")
        #expect(sent[1].query == ["partNumber": "1", "uploadId": "u&1"])
        #expect(sent[1].fields["x-amz-checksum-sha256"] == digest(bytes("a")).base64)
        #expect(sent[2].fields["if-none-match"] == "*")
        #expect(sent[2].fields["x-amz-checksum-sha256"] == nil)
        let sum = digest(bytes("a")).base64
        #expect(
            sent[2].bodyText.hasSuffix(
                "<Part><PartNumber>1</PartNumber><ETag>\"tag\"</ETag><ChecksumSHA256>\(sum)"
                    + "</ChecksumSHA256></Part></CompleteMultipartUpload>"
            )
        )
    }

    /// What each request of a completion is answered with, and what comes of it.
    private func complete(
        _ answers: [Response],
        head: Response
    ) throws -> (result: PutResult?, failure: StoreFailure?, posts: Int) {
        let heads = head
        let server = try FakeServer { request, number in
            // Between two completions somebody looks.
            request.method == "HEAD" ? heads : answers[min((number + 1) / 2, answers.count - 1)]
        }
        defer { server.stop() }
        let client = try client(server)
        let upload = MultipartUpload(key: try key("k"), identifier: "u")
        let parts = try parts()
        do throws(StoreFailure) {
            let result = try client.completeMultipart(upload, parts: parts, condition: .absent)
            return (result, nil, server.requests.count { $0.method == "POST" })
        } catch {
            return (nil, error, server.requests.count { $0.method == "POST" })
        }
    }

    /// Status 200 is no success before the document says so.
    @Test func anErrorInA200IsAnError() throws {
        let found = try complete(
            [.text(200, "<Error><Code>InternalError</Code></Error>"), .text(200, Self.done)],
            head: .text(404)
        )
        #expect(found.result?.confirmation == .reply)
        #expect(found.posts == 2)
    }

    @Test func aCompletionWhoseReplyWasLostIsFound() throws {
        guard
            case .composite(let sum, _) = ObjectChecksum(parts: try parts().map(\.checksum))
        else { return }
        let found = try complete(
            [.error(500, "InternalError"), .error(404, "NoSuchUpload")],
            head: .text(
                200,
                "ab",
                [
                    "ETag": "\"w\"", "x-amz-version-id": "v9",
                    "x-amz-checksum-sha256": sum.base64 + "-2",
                ]
            )
        )
        #expect(found.result?.confirmation == .found)
        #expect(found.result?.version == (try version("v9")))
        #expect(found.posts == 1)
    }

    @Test func anotherObjectAtTheKeyIsNotTaken() throws {
        let found = try complete(
            [.error(500, "InternalError"), .error(412, "PreconditionFailed")],
            head: .text(200, "ab", ["ETag": "\"other\""])
        )
        #expect(found.failure == .preconditionFailed)
    }

    @Test func aConflictEndsTheUpload() throws {
        let found = try complete([.error(409, "OperationAborted")], head: .text(404))
        guard case .conflict = found.failure else {
            Issue.record("\(String(describing: found.failure))")
            return
        }
        #expect(found.posts == 1)
    }

    @Test func uploadsThatWereLeftBehind() throws {
        let server = try FakeServer([
            .text(
                200,
                "<ListMultipartUploadsResult><Upload><Key>a</Key><UploadId>u</UploadId></Upload>"
                    + "<IsTruncated>true</IsTruncated><NextKeyMarker>a</NextKeyMarker>"
                    + "<NextUploadIdMarker>u</NextUploadIdMarker></ListMultipartUploadsResult>"
            )
        ])
        defer { server.stop() }
        let page = try client(server).listMultiparts(prefix: "", after: nil)
        #expect(page.uploads == [MultipartUpload(key: try key("a"), identifier: "u")])
        #expect(page.next == ListCursor(key: "a", detail: "u"))
    }
}
