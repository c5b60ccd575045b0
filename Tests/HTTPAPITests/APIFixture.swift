import Cryptography
import EvidenceModel
import EvidenceStore
import Foundation
import HTTPMessage
import Observability
import Platform
import Replication
import StoreDouble
import Testing
import TransparencyLog

@testable import HTTPAPI

/// The interface over a real log in a temporary directory, without sockets.
///
/// `@unchecked Sendable`: tests that share one are serialized.
final class APIFixture: @unchecked Sendable {
    let store: EvidenceStore
    /// What every target writes to.
    let bucket = MemoryBucket()
    let targets: TargetService
    let api: EvidenceAPI
    let key: VerifierKey
    let clock = TestClock()
    let path: String
    /// Is sent with every request that brings no other.
    var token: String?
    private let log: EventLog
    private var requests = 0

    init(
        store change: (inout StoreConfiguration) -> Void = { _ in },
        api changeAPI: (inout EvidenceAPI.Configuration) -> Void = { _ in }
    ) throws {
        path = "/tmp/strongroom-api-\(Hex.encode(Random.bytes(count: 8).span))"
        let signer = try NoteSigner(
            name: "log.example/test",
            privateKey: Ed25519PrivateKey.generate()
        )
        key = signer.verifierKey
        let geometry = try #require(SegmentGeometry(height: 8))
        _ = try EvidenceStore.create(
            at: path,
            geometry: geometry,
            signer: signer,
            founders: ["tester", "reviewer"],
            time: clock.source
        )
        var configuration = StoreConfiguration()
        configuration.time = clock.source
        change(&configuration)
        store = try EvidenceStore(
            path: path,
            keys: SigningKeys(signer),
            configuration: configuration
        ) {
            preconditionFailure("the log stopped: \($0)")
        }
        log = EventLog(format: .text, minimumLevel: .error, write: { _ in })
        var apiConfiguration = EvidenceAPI.Configuration()
        changeAPI(&apiConfiguration)
        targets = TargetService(store: store, configuration: ReplicationConfiguration()) {
            [bucket] (description, _) throws(StoreFailure) in
            MemoryStore(bucket, prefix: description.prefix)
        }
        api = EvidenceAPI(
            store: store,
            targets: targets,
            configuration: apiConfiguration,
            log: log
        )
    }

    deinit {
        store.close()
        log.close()
        try? FileSystem.removeTree(path)
    }

    /// Sends a request as a server does, and waits for its reply.
    func send(
        _ method: HTTPMethod,
        _ target: String,
        _ fields: [(String, String)] = [],
        body: [UInt8]? = nil,
        isChunked: Bool = false,
        pieceBytes: Int = 1000,
        address: String? = nil
    ) throws -> Reply {
        var fields = fields
        if let token, !fields.contains(where: { $0.0 == "Authorization" }) {
            fields.append(("Authorization", "Bearer \(token)"))
        }
        requests += 1
        let head = try Self.head(
            method,
            target,
            fields,
            body: body,
            isChunked: isChunked,
            // One of its own each: wrong tokens are counted by address.
            address: address ?? "10.0.\(requests / 256).\(requests % 256):50000"
        )
        let exchange = api.exchange(for: head)
        if let refusal = exchange.begin() { return try Reply(refusal) }
        return try finish(exchange, body: body ?? [], pieceBytes: pieceBytes)
    }

    /// Sends the body of a request that was begun, and waits for its reply.
    func finish(
        _ exchange: any Exchange,
        body: [UInt8],
        pieceBytes: Int = 1000
    ) throws -> Reply {
        for start in stride(from: 0, to: body.count, by: pieceBytes) {
            let piece = body.span.extracting(start..<min(body.count, start + pieceBytes))
            if let refusal = exchange.receive(piece) {
                exchange.abandon()
                return try Reply(refusal)
            }
        }
        let waiter = Waiter()
        exchange.finish(Responder(sink: waiter))
        return try Reply(waiter.wait())
    }

    /// Sends a JSON body, with this token instead of the fixture's.
    @discardableResult
    func act(
        _ method: HTTPMethod = .post,
        _ target: String,
        _ body: JSONObject,
        token: String? = nil
    ) throws -> Reply {
        let fields = token.map { [("Authorization", "Bearer \($0)")] } ?? []
        return try send(
            method,
            target,
            fields + [("Content-Type", "application/json")],
            body: CanonicalJSON.encode(.object(body))
        )
    }

    /// Makes a collection's records sealed.
    func seal(_ collection: String) throws {
        let reply = try act(
            .put,
            "/v1/collections/\(collection)/policy",
            [
                "default": "7y", "maximum": "100y", "minimum": "1s", "mode": "COMPLIANCE",
                "sealed": .bool(true),
            ]
        )
        try #require(reply.status == 201, "\(reply)")
    }

    /// Makes a token; the first one of a log must be an admin's.
    @discardableResult
    func makeToken(_ name: String, _ members: JSONObject, by maker: String? = nil) throws -> String
    {
        var members = members
        members["name"] = .string(name)
        let reply = try act(.post, "/v1/tokens", members, token: maker)
        try #require(reply.status == 201, "\(reply)")
        return try #require(try reply.string("token"))
    }

    /// Appends text as evidence.
    @discardableResult
    func put(
        _ text: String,
        _ query: String = "name=a",
        collection: String = "tests",
        _ fields: [(String, String)] = []
    ) throws -> Reply {
        try send(
            .post,
            "/v1/collections/\(collection)/evidence?\(query)",
            fields,
            body: Array(text.utf8)
        )
    }

    func get(_ target: String, _ fields: [(String, String)] = []) throws -> Reply {
        try send(.get, target, fields)
    }

    /// The lines of the access log, oldest first.
    func accessLines() throws -> [JSONObject] {
        let folder = path + "/state/access"
        return try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
            .flatMap { name in
                try String(contentsOfFile: folder + "/" + name, encoding: .utf8)
                    .split(separator: "\n")
            }
            .map { line in
                let bytes = Array(line.utf8)
                guard
                    case .object(let object) = try JSONValue(parsing: bytes.span, form: .canonical)
                else { throw Reply.NotAnObject(text: String(line)) }
                return object
            }
    }

    /// The size of the published tree.
    var treeSize: UInt64 { store.checkpoint.size.value }

    static func head(
        _ method: HTTPMethod,
        _ target: String,
        _ fields: [(String, String)] = [],
        body: [UInt8]? = nil,
        isChunked: Bool = false,
        address: String = "127.0.0.1:50000"
    ) throws -> RequestHead {
        var collected = HTTPFields()
        for (name, value) in fields {
            let name = Array(name.utf8)
            let value = Array(value.utf8)
            let isProper = collected.append(name: name.span, value: value.span)
            try #require(isProper)
        }
        return RequestHead(
            method: method,
            target: try RequestTarget(parsing: target),
            fields: collected,
            contentLength: isChunked ? nil : body.map { UInt64($0.count) },
            isChunked: isChunked,
            remoteAddress: address
        )
    }

    private final class Waiter: ResponseSink {
        private let made = Mutex<(@Sendable () -> Response)?>(nil)
        private let changed = Condition()

        func accept(_ make: @escaping @Sendable () -> Response) {
            made.withLock { made in
                precondition(made == nil, "an exchange has one reply")
                made = make
            }
            changed.broadcast()
        }

        func wait() -> Response {
            let make = made.withLock(when: { $0 != nil }, on: changed) { $0 }
            return make?() ?? Response(status: 0)
        }
    }
}

extension JSONValue {
    static func indexes(_ indexes: Int64...) -> JSONValue {
        .array(indexes.map { .integer($0) })
    }
}

/// A reply, its body read whole.
struct Reply: CustomStringConvertible {
    let status: Int
    let fields: HTTPFields
    let body: [UInt8]

    init(_ response: Response) throws {
        status = response.status
        fields = response.fields
        switch response.body {
        case .empty: body = []
        case .bytes(let bytes): body = bytes
        case .stream(let length, let reader):
            var bytes: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 70_000)
            while UInt64(bytes.count) < length {
                let count = try unsafe buffer.withUnsafeMutableBytes {
                    buffer throws(BodyInterrupted) in try unsafe reader.read(into: buffer)
                }
                try #require(count > 0, "the body ended early")
                bytes += buffer.prefix(count)
            }
            body = bytes
        }
    }

    var text: String { String(decoding: body, as: UTF8.self) }

    var description: String { "\(status) \(text.prefix(300))" }

    /// The members of a JSON object.
    func object() throws -> JSONObject {
        guard case .object(let object) = try JSONValue(parsing: body.span, form: .any) else {
            throw NotAnObject(text: text)
        }
        return object
    }

    func string(_ name: String) throws -> String? {
        guard case .string(let text) = try object()[name] else { return nil }
        return text
    }

    func integer(_ name: String) throws -> Int64? {
        guard case .integer(let number) = try object()[name] else { return nil }
        return number
    }

    /// The elements of a member that is an array.
    func list(_ name: String) throws -> [JSONValue] {
        guard case .array(let elements)? = try object()[name] else {
            throw NotAnObject(text: text)
        }
        return elements
    }

    /// The elements of a member that is an array of objects.
    func objects(_ name: String) throws -> [JSONObject] {
        try list(name).map { element in
            guard case .object(let object) = element else { throw NotAnObject(text: text) }
            return object
        }
    }

    func receipt() throws -> Receipt { try Receipt(parsing: body.span) }

    struct NotAnObject: Error {
        let text: String
    }
}

/// Checks that a reply is a problem document of this kind, complete, and naming what it must.
func expectProblem(
    _ reply: Reply,
    _ status: Int,
    _ slug: String,
    mentions words: String...,
    sourceLocation: SourceLocation = #_sourceLocation
) throws {
    #expect(reply.status == status, "\(reply)", sourceLocation: sourceLocation)
    #expect(
        reply.fields.first("content-type") == "application/problem+json",
        sourceLocation: sourceLocation
    )
    #expect(reply.fields.first("strongroom-request-id") != nil, sourceLocation: sourceLocation)
    #expect(
        try reply.string("type") == "https://strongroom.dev/problems/\(slug)",
        "\(reply)",
        sourceLocation: sourceLocation
    )
    #expect(try reply.integer("status") == Int64(status), sourceLocation: sourceLocation)
    #expect(try reply.string("title")?.isEmpty == false, sourceLocation: sourceLocation)
    let detail = try reply.string("detail") ?? ""
    #expect(detail.hasSuffix("."), "\(detail)", sourceLocation: sourceLocation)
    for word in words {
        #expect(detail.contains(word), "'\(word)' in: \(detail)", sourceLocation: sourceLocation)
    }
}
