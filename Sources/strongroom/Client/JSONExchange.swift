internal import EvidenceModel
internal import Platform

/// An answer of the server that is a JSON object.
struct JSONReply {
    let status: Int
    let object: JSONObject

    init(_ reply: APIReply, what: String) throws(CommandFailure) {
        guard case .object(let object)? = try? JSONValue(parsing: reply.body.span, form: .any)
        else { throw Self.malformed(what) }
        status = reply.status
        self.object = object
    }

    /// The failure where a member that must be there is not.
    static func malformed(_ what: String) -> CommandFailure {
        CommandFailure(
            .tryAgain,
            "\(what): the server's answer cannot be read",
            advice: "see that --server names a Strongroom server of this version"
        )
    }
}

extension APIConnection {
    /// Asks for a JSON object.
    func getObject(_ path: RequestPath, what: String) throws(CommandFailure) -> JSONObject {
        try JSONReply(get(path, what: what), what: what).object
    }

    /// Sends a JSON object and returns what the server did.
    ///
    /// `what` is what the user wants, for messages: "hold place". It is sent again where that
    /// helps, and where a second arrival does no harm.
    ///
    /// - Throws: the server's refusal, or that no answer came.
    func send(
        _ method: APIRequest.Method,
        _ path: RequestPath,
        _ body: JSONObject,
        what: String,
        _ repetition: Retry.Repetition
    ) throws(CommandFailure) -> JSONReply {
        let reply = try exchange(method, path, body, repetition)
        guard reply.isSuccess else { throw Problem(reply).failure(what) }
        return try JSONReply(reply, what: what)
    }

    /// Sends a JSON object and returns the answer, whatever its status.
    func exchange(
        _ method: APIRequest.Method,
        _ path: RequestPath,
        _ body: JSONObject,
        _ repetition: Retry.Repetition
    ) throws(CommandFailure) -> APIReply {
        let request = APIRequest(
            method: method,
            path: path,
            fields: [(name: "Content-Type", value: "application/json")],
            body: .bytes(CanonicalJSON.encode(.object(body)))
        )
        do throws(TransportFailure) {
            return try Retry().run(repetition) { () throws(TransportFailure) in
                try send(request, sink: nil)
            }
        } catch {
            throw CommandFailure(error, address)
        }
    }
}

extension JSONValue {
    /// An array of records' indexes.
    static func indexes(_ indexes: some Sequence<UInt64>) -> JSONValue {
        .array(indexes.map { .integer(Int64(clamping: $0)) })
    }
}
