internal import Platform

/// The server that a command talks to, as its options and the environment name it.
struct Server: Sendable {
    let address: ServerAddress
    private let token: String?

    /// Reads `--server` and `--token-file`.
    init(_ arguments: ParsedArguments) throws(CommandFailure) {
        let text =
            arguments.value("server") ?? Environment.value("STRONGROOM_SERVER")
            ?? ServerAddress.standard
        address = try ServerAddress(parsing: text)
        token = try Self.token(arguments)
    }

    /// The token of `--token-file`, else of the environment; nil without either.
    static func token(_ arguments: ParsedArguments) throws(CommandFailure) -> String? {
        guard let path = arguments.value("token-file") else {
            // Set and empty is what a shell makes of an unset variable that is passed on.
            guard let text = Environment.value("STRONGROOM_TOKEN"), !text.isEmpty else {
                return nil
            }
            return try checked(text, source: "STRONGROOM_TOKEN")
        }
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try FileSystem.contents(path, limitBytes: 16 * 1024)
        } catch {
            throw CommandFailure(error)
        }
        let text = String(decoding: bytes, as: UTF8.self).filter { !$0.isNewline }
        return try checked(text, source: path)
    }

    /// The token is in no message: it may be one with a typing error.
    static func checked(_ text: String, source: String) throws(CommandFailure) -> String {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw .usage("\(source) does not hold a token of visible ASCII characters")
        }
        return text
    }

    /// A connection of its own; one thread at a time may use it.
    func connect() -> APIConnection { APIConnection(address, token: token) }

    /// A connection for requests that may take the server hours, such as erasing millions.
    func connectPatiently() -> APIConnection {
        APIConnection(address, token: token, silenceSeconds: 86_400)
    }
}

extension APIConnection {
    /// Sends a request, again where that helps, and returns a success.
    ///
    /// `what` is what the user wants, for messages: "receipt of record 7".
    func get(
        _ path: RequestPath,
        what: String,
        fields: [(name: String, value: String)] = []
    ) throws(CommandFailure) -> APIReply {
        let reply: APIReply
        do throws(TransportFailure) {
            reply = try Retry().run { () throws(TransportFailure) in
                try send(APIRequest(path: path, fields: fields), sink: nil)
            }
        } catch {
            throw CommandFailure(error, address)
        }
        guard reply.isSuccess else { throw Problem(reply).failure(what) }
        return reply
    }
}

extension CommandFailure {
    /// No answer from a server.
    init(_ failure: TransportFailure, _ address: ServerAddress) {
        switch failure {
        case .unreachable(let detail):
            self.init(
                .tryAgain,
                "the server at \(address) cannot be reached: \(detail)",
                advice: "see that it runs, and where: --server or STRONGROOM_SERVER"
            )
        case .lost(let detail):
            self.init(
                .tryAgain,
                "no answer came from the server at \(address): \(detail)",
                advice: "it may have done what was asked: look before you repeat it"
            )
        case .abandoned(let failure):
            self = failure
        }
    }
}
