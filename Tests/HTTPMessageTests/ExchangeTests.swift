import Testing

@testable import HTTPMessage

/// Keeps what it is given.
///
/// `@unchecked Sendable`: a test uses it from one thread.
private final class KeepingSink: ResponseSink, @unchecked Sendable {
    var made: [@Sendable () -> Response] = []
    func accept(_ make: @escaping @Sendable () -> Response) { made.append(make) }
}

@Suite struct ResponderTests {
    @Test func theReplyIsMadeWhereItIsTaken() {
        let sink = KeepingSink()
        let thread = KeepingSink()
        Responder(sink: sink).respond {
            thread.accept { Response(status: 200) }
            return Response(status: 201)
        }
        #expect(sink.made.count == 1)
        #expect(thread.made.isEmpty)
        #expect(sink.made[0]().status == 201)
        #expect(thread.made.count == 1)
        Responder(sink: sink).respond(Response(status: 204))
        #expect(sink.made[1]().status == 204)
    }
}

@Suite struct RequestAndResponseTests {
    @Test func aBodyIsKnownByItsHead() throws {
        let target = try RequestTarget(parsing: "/")
        #expect(!RequestHead(method: .post, target: target).hasBody)
        #expect(!RequestHead(method: .post, target: target, contentLength: 0).hasBody)
        #expect(RequestHead(method: .post, target: target, contentLength: 1).hasBody)
        #expect(RequestHead(method: .post, target: target, isChunked: true).hasBody)
    }

    @Test func bodiesKnowTheirLength() {
        #expect(Response(status: 204).bodyLengthBytes == 0)
        #expect(Response(status: 200, body: .bytes([1, 2])).bodyLengthBytes == 2)
        #expect(
            Response(status: 200, body: .stream(lengthBytes: 9, Silence())).bodyLengthBytes == 9
        )
    }

    @Test func violationsAreClientErrorsWithWords() {
        let all: [ProtocolViolation] = [
            .method, .requestLine, .target(.form), .targetTooLong(limitBytes: 7),
            .headTooLarge(limitBytes: 8),
            .field, .missingHost, .contentLength, .conflictingLengths, .transferCoding,
            .expectation,
        ]
        for violation in all {
            #expect((400...499).contains(violation.status))
            #expect(violation.detail.hasSuffix("."))
        }
        #expect(Set(all.map(\.detail)).count == all.count)
        #expect(ProtocolViolation.targetTooLong(limitBytes: 7).detail.contains("7"))
    }

    private final class Silence: BodyReader {
        func read(into buffer: UnsafeMutableRawBufferPointer) -> Int { 0 }
    }
}
