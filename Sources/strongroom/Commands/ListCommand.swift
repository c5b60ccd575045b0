internal import Cryptography
internal import EvidenceModel
internal import Platform

/// `strongroom list`: searches, newest first.
enum ListCommand {
    static let command = Command(
        specification: CommandSpecification(
            name: "list",
            group: .evidence,
            summary: "search for evidence, newest first",
            operands: [],
            options: [
                .value("collection", "C", "in this collection"),
                .value("prefix", "P", "names that begin so"),
                .repeated("label", "K=V", "with this label"),
                .value("digest", "D", "with this payload: 64 hexadecimal digits"),
                .value("since", "T", "received at or after: 2026-11-21 or 2026-11-21T08:00:00Z"),
                .value("until", "T", "received before"),
                .value("limit", "N", "at most so many; default all"),
            ] + OptionSpecification.client,
            about: [
                "",
                "Prints  index  sha256  name  locked-until  a record. What it prints is the",
                "server's answer: 'prove' and 'verify' show that a record is in the log.",
            ],
            example: "strongroom list --collection ci --prefix reports/ --limit 20"
        ),
        run: run
    )

    /// The server gives no more in a page.
    private static let pageLimit = 1000

    private static func run(
        _ arguments: ParsedArguments,
        _ console: Console
    )
        throws(CommandFailure) -> ExitCode
    {
        let limit = try arguments.integer("limit", in: 1...Int.max)
        let base = try query(arguments)
        let connection = try Server(arguments).connect()
        var cursor: String?
        var printed = 0
        repeat {
            var path = base
            let rest = limit.map { $0 - printed } ?? pageLimit
            path.add("limit", String(min(pageLimit, rest)))
            path.add("cursor", cursor)
            let reply = try connection.get(path, what: "search")
            let page = try SearchReply(reply.body)
            for entry in page.entries {
                console.result(arguments.flag("json") ? entry.json : entry.text)
                printed += 1
            }
            // A page without entries may still have a cursor: the server looks at so much at once.
            cursor = page.nextCursor
            if let limit, printed >= limit { break }
        } while cursor != nil
        return .done
    }

    private static func query(_ arguments: ParsedArguments) throws(CommandFailure) -> RequestPath {
        var path = RequestPath("/v1/search")
        path.add("collection", arguments.value("collection"))
        path.add("prefix", arguments.value("prefix"))
        for label in arguments.all("label") { path.add("label", label) }
        if let digest = arguments.value("digest") {
            guard SHA256Digest(hex: digest.lowercased()) != nil else {
                throw .usage("--digest is '\(digest)', not 64 hexadecimal digits")
            }
            path.add("digest", digest.lowercased())
        }
        do throws(LimitViolation) {
            for name in ["since", "until"] {
                guard let text = arguments.value(name) else { continue }
                path.add(name, try Timestamp(userInput: text).rfc3339)
            }
        } catch {
            throw .usage("\(error)")
        }
        return path
    }
}
