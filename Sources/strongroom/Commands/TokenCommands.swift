internal import EvidenceModel
internal import Observability
internal import Platform

/// `strongroom token`: who may do what.
enum TokenCommands {
    static let family = CommandFamily(
        name: "token",
        summary: "create, list and revoke access tokens",
        about: [
            "Once a token exists every request needs one. Each has a role: writer (push),",
            "auditor (read), retention (lock, hold, erase what is due), admin (tokens,",
            "policies).",
        ]
    )

    static let create = Command(
        specification: CommandSpecification(
            name: "token create",
            group: .log,
            summary: "create a token, which is shown once",
            operands: [OperandSpecification(name: "NAME", count: .one)],
            options: [
                .value("role", "R", "writer, auditor, retention or admin (required)"),
                .flag("again", "with --data: a new secret for a token that lost its own"),
                .repeated("right", "bypass", "may erase under GOVERNANCE locks, with a reason"),
                .repeated("collection", "C", "only for this collection; default all"),
                .value("expires", "D", "after 90d, or at a time; default never"),
                .value("output", short: "o", "FILE", "the token goes there (0600), not shown"),
                .value("data", "DIR", "the first one: of the log in DIR, which nobody serves"),
                .value("key", "FILE", "with --data: the signing key; default DIR/log.key"),
            ] + OptionSpecification.client,
            about: [
                "",
                "Creates a token called NAME and prints it; only a hash is kept, so it cannot be",
                "shown again. The log records name, role and scope. No name is used twice;",
                "after a restore --again gives a name that the log knows a new secret.",
            ],
            example: "strongroom token create ci --role writer --collection ci -o ci.token"
        ),
        run: create
    )

    private static func create(
        _ arguments: ParsedArguments,
        _ console: Console
    )
        throws(CommandFailure) -> ExitCode
    {
        let name = arguments.operands[0]
        let isAgain = arguments.flag("again")
        guard !isAgain || arguments.value("data") != nil else {
            throw .usage("--again goes with --data: it is for a log that was restored")
        }
        let request = isAgain ? nil : try TokenRequest(name, arguments)
        guard arguments.value("data") != nil || arguments.value("key") == nil else {
            throw .usage("--key goes with --data: a running server has its own")
        }
        let output = try arguments.value("output").map { (path) throws(CommandFailure) in
            try TokenFile(path)
        }
        let created: CreatedToken
        do throws(CommandFailure) {
            created = try make(request, name, arguments)
        } catch {
            output?.remove()
            throw error
        }
        try output?.write(created.token)
        report(created, name, arguments, console)
        return .done
    }

    /// `request`: `nil` for a token that the log knows already.
    private static func make(
        _ request: TokenRequest?,
        _ name: String,
        _ arguments: ParsedArguments
    ) throws(CommandFailure) -> CreatedToken {
        let keyFile = arguments.value("key")
        switch (request, arguments.value("data")) {
        case (let request?, let directory?):
            return try OfflineTokens.create(request, in: directory, signingKeyFile: keyFile)
        case (let request?, nil):
            return try CreatedToken(request, Server(arguments).connect())
        case (nil, let directory):
            return try OfflineTokens.renew(name, in: directory ?? "", signingKeyFile: keyFile)
        }
    }

    private static func report(
        _ created: CreatedToken,
        _ name: String,
        _ arguments: ParsedArguments,
        _ console: Console
    ) {
        let path = arguments.value("output")
        if arguments.flag("json") {
            var line = JSONLine()
            line.add("name", name)
            if let path { line.add("tokenFile", path) } else { line.add("token", created.token) }
            if let act = created.act { line.add("act", act) }
            console.result(line.text)
            return
        }
        if path == nil { console.result(created.token) }
        let by = created.act.map { ", record \($0)" } ?? ""
        console.message("created the token \(name)\(by)")
        console.message(
            path.map { "it is in \($0), which only you can read; keep no other copy" }
                ?? "the line on standard output is the token: it is not shown again"
        )
    }

    static let list = Command(
        specification: CommandSpecification(
            name: "token list",
            group: .log,
            summary: "list tokens with role, scope and state",
            operands: [],
            options: OptionSpecification.client,
            about: [
                "",
                "Prints  name  role  state  scope  a token. The tokens themselves are not kept.",
            ],
            example: "strongroom token list"
        )
    ) { (arguments, console) throws(CommandFailure) in
        let path = RequestPath("/v1/tokens")
        let reply = try Server(arguments).connect().getObject(path, what: "tokens")
        guard let tokens = reply.objects("tokens") else { throw JSONReply.malformed("tokens") }
        for token in tokens {
            let line = arguments.flag("json") ? token.line : TokenText.line(token)
            console.result(Console.harmless(line))
        }
        if tokens.isEmpty { console.message("no token was ever created") }
        return .done
    }

    static let revoke = Command(
        specification: CommandSpecification(
            name: "token revoke",
            group: .log,
            summary: "end a token at once",
            operands: [OperandSpecification(name: "NAME", count: .one)],
            options: OptionSpecification.client,
            about: [
                "",
                "Revokes the token called NAME: the next request with it is refused. Tokens that",
                "it created stay valid.",
            ],
            example: "strongroom token revoke ci"
        )
    ) { (arguments, console) throws(CommandFailure) in
        let name = arguments.operands[0]
        let reply = try Server(arguments).connect().send(
            .post,
            RequestPath("/v1/tokens/revoke"),
            ["name": .string(name)],
            what: "token \(name)",
            .actsAgain
        )
        if arguments.flag("json") {
            console.result(reply.object.line)
        } else {
            let by = reply.object.number("act").map { "  by record \($0)" } ?? ""
            console.result(Console.harmless("\(name)  revoked\(by)"))
        }
        return .done
    }
}

/// A token as a line: `ci  writer  active  collections ci, payments  until 2027-01-01T…`.
enum TokenText {
    static func line(_ token: JSONObject) -> String {
        var role = token.text("role") ?? "-"
        for right in token.texts("rights") ?? [] { role += "+\(right)" }
        var parts = [token.text("name") ?? "?", role, token.text("state") ?? "?"]
        if let names = token.texts("collections") {
            parts.append("collections " + names.joined(separator: ", "))
        } else {
            parts.append("all collections")
        }
        if let expires = token.text("expires") { parts.append("until \(expires)") }
        if let creator = token.text("createdBy") { parts.append("by \(creator)") }
        return parts.joined(separator: "  ")
    }
}
