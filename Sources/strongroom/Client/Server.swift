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

    private static func token(_ arguments: ParsedArguments) throws(CommandFailure) -> String? {
        guard let path = arguments.value("token-file") else {
            return Environment.value("STRONGROOM_TOKEN")
        }
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try FileSystem.contents(path, limitBytes: 16 * 1024)
        } catch {
            throw CommandFailure(error)
        }
        let text = String(decoding: bytes, as: UTF8.self).filter { !$0.isNewline }
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw .usage("\(path) does not hold a token of visible ASCII characters")
        }
        return text
    }

    /// A connection of its own; one thread at a time may use it.
    func connect() -> APIConnection { APIConnection(address, token: token) }
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
        case .abandoned(let failure):
            self = failure
        }
    }
}
