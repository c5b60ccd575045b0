/// Where a server is: scheme, host, port and an optional path in front of the routes.
struct ServerAddress: Equatable, Sendable, CustomStringConvertible {
    /// Used when neither `--server` nor `$STRONGROOM_SERVER` says otherwise.
    static let standard = "http://127.0.0.1:7440"

    let isEncrypted: Bool
    /// A name or address; an IPv6 address without its brackets.
    let host: String
    let port: UInt16
    /// Empty, or starts with `/` and does not end with it.
    let pathPrefix: String

    /// Reads `http://HOST[:PORT][/PATH]`.
    ///
    /// - Throws: exit code `usage`: not such a URL, or one with user, query or fragment.
    init(parsing text: String) throws(CommandFailure) {
        let bad = CommandFailure.usage(
            "server '\(text)' is not a URL such as \(Self.standard)"
        )
        let rest: Substring
        if text.hasPrefix("http://") {
            isEncrypted = false
            rest = text.dropFirst("http://".count)
        } else if text.hasPrefix("https://") {
            isEncrypted = true
            rest = text.dropFirst("https://".count)
        } else {
            throw bad
        }
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let authority = rest[..<slash]
        var path = rest[slash...]
        while path.hasSuffix("/") { path = path.dropLast() }
        guard text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }),
            !text.contains(where: { "@?#\\\"".contains($0) }),
            let endpoint = Endpoint(
                parsing: String(authority),
                standardPort: isEncrypted ? 443 : 80
            )
        else { throw bad }
        host = endpoint.host
        port = endpoint.port
        pathPrefix = String(path)
    }

    /// The address of a server that this process or its child has just started.
    init(host: String, port: UInt16) {
        isEncrypted = false
        self.host = host
        self.port = port
        pathPrefix = ""
    }

    /// HOST:PORT as a URL and a Host header spell it.
    var authority: String { Endpoint(host: host, port: port).description }

    var description: String { (isEncrypted ? "https" : "http") + "://" + authority + pathPrefix }
}

/// HOST:PORT.
struct Endpoint: Equatable, Sendable, CustomStringConvertible {
    let host: String
    let port: UInt16

    init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Reads `host:port`, `[v6]:port`, and without a port where there is a standard one.
    init?(parsing text: String, standardPort: UInt16? = nil) {
        var hostText: Substring
        var portText: Substring?
        if text.hasPrefix("[") {
            guard let close = text.firstIndex(of: "]") else { return nil }
            hostText = text[text.index(after: text.startIndex)..<close]
            let rest = text[text.index(after: close)...]
            guard rest.isEmpty || rest.hasPrefix(":") else { return nil }
            portText = rest.isEmpty ? nil : rest.dropFirst()
        } else {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count <= 2 else { return nil }
            hostText = parts[0]
            portText = parts.count == 2 ? parts[1] : nil
        }
        guard !hostText.isEmpty else { return nil }
        host = String(hostText)
        guard let portText else {
            guard let standardPort else { return nil }
            port = standardPort
            return
        }
        guard !portText.isEmpty, portText.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = UInt16(portText)
        else { return nil }
        port = number
    }

    /// Whether only this machine can reach it.
    ///
    /// Addresses only, and `localhost`, which resolvers must keep on this machine (RFC 6761, 6.3).
    var isLoopback: Bool {
        if host == "localhost" || host == "::1" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127"
            && parts.allSatisfy { part in
                !part.isEmpty && part.utf8.allSatisfy { (0x30...0x39).contains($0) }
                    && UInt8(part) != nil
            }
    }

    var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
