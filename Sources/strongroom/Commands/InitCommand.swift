internal import Cryptography
internal import EvidenceBundle
internal import EvidenceStore
internal import Observability
internal import Platform
internal import TransparencyLog

/// `strongroom init`: makes an empty log.
enum InitCommand {
    static let command = Command(
        specification: CommandSpecification(
            name: "init",
            group: .log,
            summary: "make an empty log",
            operands: [OperandSpecification(name: "DIR", count: .one)],
            options: [
                .value("origin", "NAME", "the log's name; default strongroom.local/<8 hex>"),
                .value("segment-height", "16|8", "records in a segment: 2^16 (default) or 2^8"),
                .value("key", "FILE", "signing key; made if absent; default DIR/log.key"),
                .repeated("founder", "NAME", "who makes the log; stands in record 0"),
                .json,
            ],
            about: [
                "",
                "Makes DIR with an empty log in it, whose record 0 says how it began, and prints",
                "the verifier key: whoever verifies needs it. The origin names the log for ever,",
                "so choose one that is yours, as log.example/evidence. DIR must be empty or new.",
                "A key in DIR is fine for a trial; for real use keep it elsewhere, with --key.",
            ],
            example: "strongroom init data --origin log.example/evidence"
        ),
        run: run
    )

    private static func run(
        _ arguments: ParsedArguments,
        _ console: Console
    )
        throws(CommandFailure) -> ExitCode
    {
        let directory = arguments.operands[0]
        let geometry = try geometry(arguments)
        let made = try makeDirectory(directory)
        let keyPath = arguments.value("key") ?? StorePaths(directory).signingKey
        var madeKey = false
        do throws(CommandFailure) {
            let signer: NoteSigner
            (signer, madeKey) = try SigningKey.readOrMake(
                keyPath,
                origin: arguments.value("origin")
            )
            do throws(StoreError) {
                _ = try EvidenceStore.create(
                    at: directory,
                    geometry: geometry,
                    signer: signer,
                    founders: arguments.all("founder"),
                    bundleVerifier: BundleVerifier.digest
                )
            } catch {
                throw CommandFailure(error)
            }
            report(signer, arguments, madeKey: madeKey, keyPath, console)
            return .done
        } catch {
            // Leave nothing of a log that was not made; what cannot be removed is only in the way.
            if madeKey { try? FileSystem.unlinkIfPresent(keyPath) }
            if made { try? FileSystem.removeTree(directory) }
            throw error
        }
    }

    private static func geometry(
        _ arguments: ParsedArguments
    ) throws(CommandFailure)
        -> SegmentGeometry
    {
        let height = try arguments.integer("segment-height", in: 0...255) ?? 16
        guard let geometry = SegmentGeometry(height: UInt8(height)) else {
            throw .usage("--segment-height is \(height), not 16 or 8")
        }
        return geometry
    }

    /// Makes the directory unless it is there and empty.
    ///
    /// - Returns: Whether it was made.
    private static func makeDirectory(_ path: String) throws(CommandFailure) -> Bool {
        do throws(SystemError) {
            guard try FileSystem.exists(path) else {
                try FileSystem.makeDirectory(path)
                return true
            }
            let names = try FileSystem.list(path)
            guard names.isEmpty else {
                throw SystemError(
                    operation: "make a log in",
                    path: path,
                    errno: .directoryNotEmpty
                )
            }
            return false
        } catch {
            throw CommandFailure(error, advice: "name an empty directory, or a new one")
        }
    }

    private static func report(
        _ signer: NoteSigner,
        _ arguments: ParsedArguments,
        madeKey: Bool,
        _ keyPath: String,
        _ console: Console
    ) {
        if arguments.flag("json") {
            var line = JSONLine()
            line.add("directory", arguments.operands[0])
            line.add("origin", signer.name)
            line.add("verifierKey", signer.verifierKey.description)
            line.add("signingKeyFile", keyPath)
            console.result(line.text)
        } else {
            console.result(signer.verifierKey.description)
        }
        console.message("made the log \(signer.name) in \(arguments.operands[0])")
        if arguments.value("key") == nil {
            console.message(
                "its signing key is in \(keyPath), which is fine for a trial; "
                    + "for real use keep it off this disk, with --key"
            )
        } else {
            console.message(madeKey ? "made the signing key \(keyPath)" : "its key is \(keyPath)")
        }
        console.message("the line on standard output is the verifier key: give it to auditors")
    }
}
