internal import EvidenceModel
internal import Platform

/// The token that a person asks for, as it is sent to the server.
struct TokenRequest: Equatable, Sendable {
    let name: String
    let role: Role
    let rights: Set<Right>
    let collections: [String]
    /// A duration or a time, as it was typed.
    let expires: String?

    init(_ name: String, _ arguments: ParsedArguments) throws(CommandFailure) {
        self.name = name
        let text = try arguments.required("role")
        guard let role = Role(rawValue: text) else {
            throw .usage("--role is '\(text)', not writer, auditor, retention or admin")
        }
        self.role = role
        var rights: Set<Right> = []
        for text in arguments.all("right") {
            guard let right = Right(rawValue: text) else {
                throw .usage("--right is '\(text)', and the only one is bypass")
            }
            rights.insert(right)
        }
        self.rights = rights
        collections = arguments.all("collection")
        expires = arguments.value("expires")
    }

    var body: JSONObject {
        var body: JSONObject = ["name": .string(name), "role": .string(role.rawValue)]
        if !rights.isEmpty {
            body["rights"] = .array(rights.map(\.rawValue).sorted().map { .string($0) })
        }
        if !collections.isEmpty { body["collections"] = .array(collections.map { .string($0) }) }
        if let expires { body["expires"] = .string(RequestedTime.text(expires)) }
        return body
    }
}

/// A token that was made; the only moment at which it is known.
struct CreatedToken: Sendable {
    let token: String
    /// The record that says so.
    let act: UInt64?

    init(token: String, act: UInt64?) {
        self.token = token
        self.act = act
    }

    /// Has a running server make it.
    init(_ request: TokenRequest, _ connection: APIConnection) throws(CommandFailure) {
        let what = "token \(request.name)"
        let reply = try connection.send(
            .post,
            RequestPath("/v1/tokens"),
            request.body,
            what: what,
            .actsAgain
        ).object
        guard let token = reply.text("token") else { throw JSONReply.malformed(what) }
        self.init(token: token, act: reply.number("act"))
    }
}

/// A file for a token, made before the token is: one that cannot be kept is not asked for.
struct TokenFile {
    let path: String

    init(_ path: String) throws(CommandFailure) {
        self.path = path
        do throws(SystemError) {
            _ = try File(path, .create(permissions: 0o600))
        } catch {
            throw CommandFailure(error, advice: "name a file that does not exist yet")
        }
    }

    /// Leaves nothing of a token that was not made.
    func remove() { try? FileSystem.unlinkIfPresent(path) }

    func write(_ token: String) throws(CommandFailure) {
        do throws(SystemError) {
            let file = try File(path, .readWrite)
            try file.write(Array((token + "\n").utf8).span)
            try file.sync()
            try FileSystem.syncDirectory(FileSystem.parent(of: path))
        } catch {
            throw CommandFailure(
                error,
                advice: "the token is lost: revoke it, and create one of another name"
            )
        }
    }
}
