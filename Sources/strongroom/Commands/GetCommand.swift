internal import Cryptography
internal import EvidenceModel
internal import Platform
internal import TransparencyLog

/// `strongroom get`: fetches a payload and checks it against its record.
enum GetCommand {
    static let command = Command(
        specification: CommandSpecification(
            name: "get",
            group: .evidence,
            summary: "fetch a payload, checked against its record",
            operands: [OperandSpecification(name: "INDEX", count: .one)],
            options: [
                .value("output", short: "o", "FILE", "where it goes; default standard output"),
                .repeated("key", "VKEY", "check the record's proof too; else $STRONGROOM_KEY"),
                .server, .tokenFile,
            ],
            about: [
                "",
                "Fetches the payload of record INDEX. Each byte is hashed on its way, and the",
                "digest compared with the record's. FILE appears only when it is whole and right;",
                "on standard output a wrong payload ends with exit code 1.",
            ],
            example: "strongroom get 41 -o report.xml"
        ),
        run: run
    )

    private static func run(
        _ arguments: ParsedArguments,
        _ console: Console
    )
        throws(CommandFailure) -> ExitCode
    {
        let index = try ParsedArguments.recordIndex(arguments.operands[0])
        let checker = ReceiptChecker(keys: try TrustedKeys.read(arguments))
        let connection = try Server(arguments).connect()
        let receipt = try connection.get(
            RequestPath("/v1/records/\(index)/receipt"),
            what: "record \(index)"
        )
        let checked = try checker.check(receipt.body.span)
        guard checked.receipt.index.value == index else {
            throw CommandFailure(
                .verificationFailed,
                "the server gave the receipt of record \(checked.receipt.index), not of \(index)"
            )
        }
        guard let description = checked.description else {
            throw refusal(index, checked.record, connection)
        }
        let expected = PayloadIdentity(
            digest: description.payloadDigest,
            sizeBytes: description.payloadSize
        )
        let fetch = PayloadFetch(
            connection: connection,
            index: index,
            expected: expected,
            progress: Progress(console, totalBytes: expected.sizeBytes)
        )
        if let path = arguments.value("output"), path != "-" {
            try fetch.toFile(path)
            console.message(
                "\(path) is the payload of record \(index), \(expected.sizeBytes) bytes"
            )
        } else {
            try fetch.toStandardOutput(console)
        }
        return .done
    }
}

extension GetCommand {
    /// Why a record has no payload that could be checked.
    private static func refusal(
        _ index: UInt64,
        _ record: Record,
        _ connection: APIConnection
    ) -> CommandFailure {
        guard case .sealedEvidence = record else {
            return CommandFailure(
                .notFound,
                "record \(index) has no payload: it is \(record.kind.rawValue)"
            )
        }
        // Its description goes with the payload; the server says where the certificate is.
        let what = "payload of record \(index)"
        do throws(CommandFailure) {
            _ = try connection.get(RequestPath("/v1/records/\(index)/payload"), what: what)
        } catch { return error }
        return CommandFailure(
            .verificationFailed,
            "record \(index) is sealed, and the server's receipt does not open it"
        )
    }
}

/// Fetches one payload, hashing each byte.
struct PayloadFetch {
    let connection: APIConnection
    let index: UInt64
    let expected: PayloadIdentity
    let progress: Progress

    /// Writes the payload under a temporary name beside `path`, and renames it once it is right.
    func toFile(_ path: String) throws(CommandFailure) {
        let directory = FileSystem.parent(of: path)
        let temporary = "\(directory)/.strongroom-\(TemporaryName.make()).part"
        do throws(CommandFailure) {
            let file = try Self.create(temporary)
            try fetch { (bytes, offset) throws(CommandFailure) in
                do throws(SystemError) {
                    try file.write(bytes, at: offset)
                } catch {
                    throw CommandFailure(error)
                }
            }
            do throws(SystemError) {
                try FileSystem.rename(temporary, to: path)
            } catch {
                throw CommandFailure(error)
            }
        } catch {
            try? FileSystem.unlinkIfPresent(temporary)
            throw error
        }
    }

    func toStandardOutput(_ console: Console) throws(CommandFailure) {
        try fetch { (bytes, _) throws(CommandFailure) in console.result(bytes: bytes) }
    }

    private static func create(_ path: String) throws(CommandFailure) -> File {
        do throws(SystemError) {
            return try File(path, .create(permissions: 0o640))
        } catch {
            throw CommandFailure(error)
        }
    }

    /// Passes the payload on as it comes, then compares length and digest.
    private func fetch(
        _ write: @escaping (Span<UInt8>, UInt64) throws(CommandFailure) -> Void
    ) throws(CommandFailure) {
        let received = Received()
        let request = APIRequest(path: RequestPath("/v1/records/\(index)/payload"))
        let reply: APIReply
        do throws(TransportFailure) {
            reply = try Retry().run { () throws(TransportFailure) in
                // An attempt after bytes have come cannot take them back: it is the last one.
                if received.sizeBytes > 0 {
                    throw .abandoned(interrupted(at: received.sizeBytes))
                }
                return try connection.send(request) { (bytes) throws(CommandFailure) in
                    let size = received.sizeBytes
                    guard size + UInt64(bytes.count) <= expected.sizeBytes else { throw mismatch() }
                    received.take(bytes)
                    try write(bytes, size)
                    progress.add(bytes: UInt64(bytes.count))
                }
            }
        } catch {
            throw CommandFailure(error, connection.address)
        }
        guard reply.isSuccess else { throw Problem(reply).failure("payload of record \(index)") }
        guard received.sizeBytes == expected.sizeBytes, received.digest() == expected.digest else {
            throw mismatch()
        }
    }

    /// What has come so far; for the fetch's thread.
    private final class Received {
        private var hasher = SHA256Hasher()
        private(set) var sizeBytes: UInt64 = 0

        func take(_ bytes: Span<UInt8>) {
            hasher.update(bytes)
            sizeBytes += UInt64(bytes.count)
        }

        func digest() -> SHA256Digest { hasher.finalize() }
    }

    private func interrupted(at size: UInt64) -> CommandFailure {
        CommandFailure(
            .tryAgain,
            "the connection broke after \(size) of \(expected.sizeBytes) bytes of record \(index)"
        )
    }

    private func mismatch() -> CommandFailure {
        CommandFailure(
            .verificationFailed,
            "the server's payload of record \(index) is not what its record names",
            advice: "do not use it; run 'strongroom fsck' on the server's directory"
        )
    }
}
