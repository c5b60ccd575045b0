internal import Cryptography
internal import EvidenceModel
internal import Observability
internal import Platform
internal import TransparencyLog

/// `strongroom consistency`: shows that the log only grew.
enum ConsistencyCommand {
    static let command = Command(
        specification: CommandSpecification(
            name: "consistency",
            group: .proof,
            summary: "verify that the log only grew between two sizes",
            operands: [],
            options: [
                .value("from", "A", "older tree: a size, or a file with a checkpoint (required)"),
                .value("to", "B", "newer tree, likewise; default the newest"),
                .repeated("key", "VKEY", "the log's verifier key; else $STRONGROOM_KEY (required)"),
            ] + OptionSpecification.client,
            about: [
                "",
                "Verifies two signed checkpoints, and the proof that the newer tree begins with",
                "all of the older one. For a size the checkpoint is the server's: that shows that",
                "what it signs now agrees with itself. To show that it agrees with what you were",
                "given before, keep a checkpoint (GET /checkpoint, or one in a receipt) in a file",
                "and give that.",
            ],
            example: "strongroom consistency --from seen.checkpoint --to 70000 --key log.vkey"
        ),
        run: run
    )

    private static func run(
        _ arguments: ParsedArguments,
        _ console: Console
    )
        throws(CommandFailure) -> ExitCode
    {
        guard let from = arguments.value("from") else {
            throw .usage("--from is missing", advice: "see 'strongroom consistency --help'")
        }
        let keys = try TrustedKeys.read(arguments, badKey: .verificationFailed)
        guard !keys.isEmpty else {
            throw .usage(
                "no key is given, and a checkpoint proves nothing without one",
                advice: "add --key with the log's verifier key, or set STRONGROOM_KEY"
            )
        }
        let checker = ReceiptChecker(keys: keys)
        let connection = try Server(arguments).connect()
        let source = CheckpointSource(connection: connection, checker: checker)
        let old = try source.checkpoint(from, option: "--from")
        let new = try source.checkpoint(arguments.value("to"), option: "--to")
        guard old.size <= new.size else {
            throw .usage("--from is a tree of \(old.size), larger than --to with \(new.size)")
        }
        guard old.origin == new.origin else {
            throw CommandFailure(
                .verificationFailed,
                "the checkpoints are of different logs: \(old.origin) and \(new.origin)"
            )
        }
        let path = try proof(from: old.size, to: new.size, connection)
        do throws(ProofError) {
            try ConsistencyProof.verify(
                from: old.size,
                to: new.size,
                oldRoot: old.root,
                newRoot: new.root,
                path: path
            )
        } catch {
            throw CommandFailure(
                .verificationFailed,
                "the tree of \(new.size) does not begin with that of \(old.size): \(error)",
                advice:
                    "keep both checkpoints: signed by one key they prove that the log was changed"
            )
        }
        report(old, new, path, arguments, console)
        return .done
    }

    private static func report(
        _ old: Checkpoint,
        _ new: Checkpoint,
        _ path: [MerkleHash],
        _ arguments: ParsedArguments,
        _ console: Console
    ) {
        guard arguments.flag("json") else {
            console.result("from       \(old.size) records, root \(old.root.base64)")
            console.result("to         \(new.size) records, root \(new.root.base64)")
            console.result("proof      \(path.count) hashes")
            console.result("verified: \(old.origin) only grew from \(old.size) to \(new.size)")
            return
        }
        var line = JSONLine()
        line.add("origin", old.origin)
        line.add("from", old.size.value)
        line.add("fromRoot", old.root.base64)
        line.add("to", new.size.value)
        line.add("toRoot", new.root.base64)
        line.add("consistent", true)
        console.result(line.text)
    }

    private static func proof(
        from: TreeSize,
        to: TreeSize,
        _ connection: APIConnection
    ) throws(CommandFailure) -> [MerkleHash] {
        // Nothing to prove, and no route has to know how to prove it.
        if from == .zero || from == to { return [] }
        var path = RequestPath("/v1/consistency")
        path.add("from", "\(from)")
        path.add("to", "\(to)")
        let reply = try connection.get(path, what: "consistency of \(from) and \(to)")
        let bad = CommandFailure(.verificationFailed, "the server's consistency proof is malformed")
        guard case .object(let object)? = try? JSONValue(parsing: reply.body.span, form: .any),
            case .array(let values)? = object["proof"]
        else { throw bad }
        var hashes: [MerkleHash] = []
        for value in values {
            guard case .string(let text) = value, let hash = MerkleHash(base64: text) else {
                throw bad
            }
            hashes.append(hash)
        }
        return hashes
    }
}

/// Finds the checkpoints that a user means.
struct CheckpointSource {
    let connection: APIConnection
    let checker: ReceiptChecker

    /// The checkpoint of a size, of a file, or the newest.
    func checkpoint(_ text: String?, option: String) throws(CommandFailure) -> Checkpoint {
        guard let text else {
            let reply = try connection.get(RequestPath("/checkpoint"), what: "checkpoint")
            return try checker.checkpoint(String(decoding: reply.body, as: UTF8.self))
        }
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), !text.isEmpty else {
            return try checkpoint(file: text)
        }
        let size = UInt64(
            try ParsedArguments.integer(text, in: 1...(1 << 53 - 1), what: option)
        )
        // Record 0 is in every tree, and its receipt carries the checkpoint of any size.
        var path = RequestPath("/v1/records/0/receipt")
        path.add("size", String(size))
        let reply = try connection.get(path, what: "checkpoint of size \(size)")
        let checkpoint = try checker.check(reply.body.span).checkpoint
        guard checkpoint.size.value == size else {
            throw CommandFailure(
                .verificationFailed,
                "the server gave a checkpoint of size \(checkpoint.size), not of \(size)"
            )
        }
        return checkpoint
    }

    private func checkpoint(file path: String) throws(CommandFailure) -> Checkpoint {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try FileSystem.contents(path)
        } catch {
            throw CommandFailure(error)
        }
        // A receipt holds a checkpoint too.
        if bytes.first == UInt8(ascii: "{") { return try checker.check(bytes.span).checkpoint }
        return try checker.checkpoint(String(decoding: bytes, as: UTF8.self))
    }
}
