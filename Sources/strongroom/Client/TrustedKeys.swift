internal import Platform
internal import TransparencyLog

/// The verifier keys that the user trusts: from `--key`, else from `$STRONGROOM_KEY`.
///
/// A key is its text (`<origin>+<8 hex>+<base64>`) or the name of a file with one key a line; empty
/// lines and lines that start with `#` are skipped.
enum TrustedKeys {
    /// Reads the keys; none if the user has given none.
    ///
    /// A text that is no key is thrown with the exit code `badKey`.
    static func read(
        _ arguments: ParsedArguments,
        badKey: ExitCode = .usage
    ) throws(CommandFailure) -> [VerifierKey] {
        var texts = arguments.all("key")
        if texts.isEmpty, let variable = Environment.value("STRONGROOM_KEY") {
            texts = variable.split(whereSeparator: \.isWhitespace).map(String.init)
        }
        var keys: [VerifierKey] = []
        for text in texts { keys += try read(text, badKey: badKey) }
        return keys
    }

    /// Reads the keys of one log, of which there must be one at least.
    ///
    /// For commands that follow a log: a checkpoint proves nothing without a key.
    static func ofOneLog(
        _ arguments: ParsedArguments
    ) throws(CommandFailure) -> [VerifierKey] {
        let keys = try read(arguments)
        guard let first = keys.first else {
            throw .usage(
                "no key is given, and a checkpoint proves nothing without one",
                advice: "add --key with the log's verifier key, or set STRONGROOM_KEY"
            )
        }
        let others = keys.filter { $0.name != first.name }
        guard others.isEmpty else {
            throw .usage(
                "the keys are of different logs: \(first.name) and \(others[0].name)",
                advice: "give those of one log; several are for a log that changes its key"
            )
        }
        return keys
    }

    /// Reads what one text stands for: a key, or the keys of a file.
    static func read(
        _ text: String,
        badKey: ExitCode
    ) throws(CommandFailure)
        -> [VerifierKey]
    {
        let problem: NoteError
        do throws(NoteError) {
            return [try VerifierKey(parsing: text)]
        } catch {
            problem = error
        }
        // The same text can be a file's name; if there is no such file it was meant as a key.
        guard let found = try? FileSystem.information(text), found.kind != .directory else {
            throw CommandFailure(
                badKey,
                "signature: the key '\(text.prefix(200))' is neither a verifier key nor a file: "
                    + "\(problem)"
            )
        }
        return try readFile(text, badKey: badKey)
    }

    private static func readFile(
        _ path: String,
        badKey: ExitCode
    ) throws(CommandFailure)
        -> [VerifierKey]
    {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try FileSystem.contents(path)
        } catch {
            throw CommandFailure(error)
        }
        let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
        var keys: [VerifierKey] = []
        for line in lines where !line.hasPrefix("#") && !line.allSatisfy(\.isWhitespace) {
            do throws(NoteError) {
                keys.append(try VerifierKey(parsing: line))
            } catch {
                throw CommandFailure(badKey, "signature: \(path) holds no verifier key: \(error)")
            }
        }
        guard !keys.isEmpty else {
            throw CommandFailure(badKey, "signature: \(path) holds no verifier key")
        }
        return keys
    }
}
