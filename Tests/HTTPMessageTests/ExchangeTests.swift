import Synchronization
import Testing

@testable import HTTPMessage

private final class CountingSink: ResponseSink {
    let count = Atomic<Int>(0)
    func responseReady() { count.add(1, ordering: .relaxed) }
}

@Suite struct ResponderTests {
    @Test func theReplyIsMadeWhereItIsTaken() {
        let sink = CountingSink()
        let made = CountingSink()
        let responder = Responder(sink: sink)
        #expect(!responder.isReady)
        #expect(responder.takeResponse() == nil)
        responder.respond {
            made.responseReady()
            return Response(status: 201)
        }
        #expect(responder.isReady)
        #expect(sink.count.load(ordering: .relaxed) == 1)
        #expect(made.count.load(ordering: .relaxed) == 0)
        #expect(responder.takeResponse()?.status == 201)
        #expect(made.count.load(ordering: .relaxed) == 1)
        #expect(responder.takeResponse() == nil)
    }

    @Test func aSecondReplyIsAProgrammersError() async {
        await #expect(processExitsWith: .failure) {
            let responder = Responder(sink: CountingSink())
            responder.respond(Response(status: 200))
            responder.respond(Response(status: 200))
        }
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
            .method, .target(.form), .targetTooLong(limitBytes: 7), .headTooLarge(limitBytes: 8),
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
