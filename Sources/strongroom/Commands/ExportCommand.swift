internal import Cryptography
internal import EvidenceModel
internal import Platform

/// `strongroom export`: evidence as a bundle that proves itself.
enum ExportCommand {
    static let command = Command(
        specification: CommandSpecification(
            name: "export",
            group: .proof,
            summary: "take evidence out, as a bundle that proves itself",
            operands: [],
            options: [
                .value("output", short: "o", "FILE", "where the tar goes"),
                .value("matter", "M", "what this matter holds"),
                .value("collection", "C", "in this collection"),
                .value("prefix", "P", "names that begin so"),
                .repeated("label", "K=V", "with this label"),
                .value("digest", "D", "with this payload: 64 hexadecimal digits"),
                .value("since", "T", "received at or after: 2026-11-21 or 2026-11-21T08:00:00Z"),
                .value("until", "T", "received before"),
                .value("id", "N", "fetch bundle N again; it is kept for a week"),
                .value("reason", "TEXT", "why; stands in the log for ever"),
            ] + OptionSpecification.client,
            about: [
                "",
                "Writes a plain tar in BagIt form (RFC 8493): payloads, records, their proofs",
                "against one checkpoint, locks, holds, certificates, and verify.py, which checks",
                "all of it with Python alone: no Strongroom, no network. That it was exported, by",
                "whom and what, becomes a record of the log. 'verify FILE.tar' checks it as well.",
            ],
            example: "strongroom export --matter case/2031-7 -o case.tar"
        ),
        run: run
    )

    private static func run(
        _ arguments: ParsedArguments,
        _ console: Console
    )
        throws(CommandFailure) -> ExitCode
    {
        let path = try arguments.required("output")
        let connection = try Server(arguments).connectPatiently()
        let id: UInt64
        var sizeBytes: UInt64?
        if let text = arguments.value("id") {
            guard let number = UInt64(text) else {
                throw .usage("--id is '\(text)', not the number of a bundle")
            }
            guard try selection(arguments).members.isEmpty else {
                throw .usage("--id names a bundle: what it holds cannot be chosen any more")
            }
            id = number
        } else {
            var body = try selection(arguments)
            body["reason"] = arguments.value("reason").map { .string($0) }
            let reply = try connection.send(
                .post,
                RequestPath("/v1/exports"),
                body,
                what: "export",
                .actsAgain
            )
            guard let number = reply.object.number("id") else {
                throw JSONReply.malformed("export")
            }
            id = number
            sizeBytes = reply.object.number("size")
        }
        let fetched = try BundleFetch(connection, id: id, sizeBytes: sizeBytes, console)
            .toFile(path)
        if arguments.flag("json") {
            let line: JSONObject = [
                "file": .string(path), "id": .integer(Int64(id)),
                "sha256": .string(fetched.digest.hex),
                "size": .integer(Int64(fetched.sizeBytes)),
            ]
            console.result(line.line)
        } else {
            console.result("\(path)  bundle \(id)  \(fetched.sizeBytes) bytes")
            console.message("check it with: strongroom verify \(path) --key VKEY")
            console.message("or, where no Strongroom is: tar -xf \(path), then")
            console.message("  python3 -I bundle-\(id)/verify.py --key VKEY")
        }
        return .done
    }

    /// What was asked for, as the body of a request.
    private static func selection(_ arguments: ParsedArguments) throws(CommandFailure) -> JSONObject
    {
        var body = JSONObject()
        for name in ["collection", "matter", "prefix"] {
            body[name] = arguments.value(name).map { .string($0) }
        }
        body["digest"] = try PayloadDigest.option(arguments).map { .string($0.hex) }
        do throws(LimitViolation) {
            let labels = try Labels(userInput: arguments.all("label"))
            if !labels.isEmpty {
                var object = JSONObject()
                for label in labels.sorted { object[label.key] = .string(label.value) }
                body["labels"] = .object(object)
            }
            for name in ["since", "until"] {
                guard let text = arguments.value(name) else { continue }
                body[name] = .string(try Timestamp(userInput: text).rfc3339)
            }
        } catch { throw .usage("\(error)") }
        return body
    }
}

/// Fetches a bundle; what broke off goes on where it was.
private struct BundleFetch {
    private let connection: APIConnection
    private let id: UInt64
    private let progress: Progress

    init(_ connection: APIConnection, id: UInt64, sizeBytes: UInt64?, _ console: Console) {
        self.connection = connection
        self.id = id
        progress = Progress(console, totalBytes: sizeBytes)
    }

    /// Writes the bundle under a temporary name beside `path`, and renames it once it is whole.
    func toFile(_ path: String) throws(CommandFailure) -> PayloadIdentity {
        let directory = FileSystem.parent(of: path)
        let temporary = "\(directory)/.strongroom-\(TemporaryName.make()).part"
        do throws(CommandFailure) {
            let identity = try fetch(temporary)
            do throws(SystemError) {
                try FileSystem.rename(temporary, to: path)
                try FileSystem.syncDirectory(directory)
            } catch { throw CommandFailure(error) }
            return identity
        } catch {
            try? FileSystem.unlinkIfPresent(temporary)
            throw error
        }
    }

    /// What has come so far; for the fetch's thread.
    private final class Received {
        let file: File
        private(set) var sizeBytes: UInt64 = 0
        private var hasher = SHA256Hasher()
        /// Names the bundle that the bytes are of.
        var tag: String?

        init(_ file: consuming File) { self.file = file }

        func take(_ bytes: Span<UInt8>) throws(CommandFailure) {
            do throws(SystemError) {
                try file.write(bytes, at: sizeBytes)
            } catch { throw CommandFailure(error) }
            hasher.update(bytes)
            sizeBytes += UInt64(bytes.count)
        }

        func digest() -> SHA256Digest { hasher.finalize() }
    }

    private func fetch(_ path: String) throws(CommandFailure) -> PayloadIdentity {
        let received = Received(try Self.create(path))
        let reply: APIReply
        do throws(TransportFailure) {
            reply = try Retry().run { () throws(TransportFailure) in
                try attempt(received)
            }
        } catch { throw CommandFailure(error, connection.address) }
        guard reply.isSuccess else { throw Problem(reply).failure("bundle \(id)") }
        do throws(SystemError) {
            try received.file.sync()
        } catch { throw CommandFailure(error) }
        return PayloadIdentity(digest: received.digest(), sizeBytes: received.sizeBytes)
    }

    private func attempt(_ received: Received) throws(TransportFailure) -> APIReply {
        var request = APIRequest(path: RequestPath("/v1/exports/\(id)"))
        if received.tag == nil {
            let head = try connection.send(
                APIRequest(
                    path: RequestPath("/v1/exports/\(id)"),
                    fields: [("Range", "bytes=0-0")]
                )
            )
            guard head.isSuccess else { return head }
            received.tag = head.field("ETag")
        }
        if let tag = received.tag {
            request.fields = [("Range", "bytes=\(received.sizeBytes)-"), ("If-Range", tag)]
        }
        let start = received.sizeBytes
        let reply = try connection.send(request) { (bytes) throws(CommandFailure) in
            try received.take(bytes)
            progress.add(bytes: UInt64(bytes.count))
        }
        guard reply.status == 206 || start == 0 || !reply.isSuccess else {
            throw .abandoned(
                CommandFailure(.tryAgain, "bundle \(id) is another one now: export again")
            )
        }
        return reply
    }

    private static func create(_ path: String) throws(CommandFailure) -> File {
        do throws(SystemError) {
            return try File(path, .create(permissions: 0o640))
        } catch { throw CommandFailure(error) }
    }
}
