import Cryptography
import Platform

/// What a principal shows to be let in: `strongroom_<id>_<secret>`.
///
/// The id (12 hexadecimal digits) is public and finds the credential; the secret (32 random bytes
/// in 43 characters of base64url) is kept nowhere.
struct AccessToken: Sendable {
    /// 48 bits.
    let id: UInt64
    let secret: [UInt8]

    static let secretSizeBytes = 32
    private static let prefix = "strongroom_"
    private static let idDigits = 12
    private static let secretCharacters = 43

    /// A token that nobody had before.
    init() {
        let random = Random.bytes(count: 8 + Self.secretSizeBytes)
        let word = BigEndian.read(UInt64.self, from: random.span, at: 0) ?? 0
        id = word & 0xFFFF_FFFF_FFFF
        secret = Array(random.dropFirst(8))
    }

    /// Reads a token; nil for any text that `text` does not give.
    init?(parsing text: String) {
        let bytes = text.utf8.span
        let secretStart = Self.prefix.utf8.count + Self.idDigits + 1
        guard bytes.count == secretStart + Self.secretCharacters,
            text.utf8.starts(with: Self.prefix.utf8),
            bytes[secretStart - 1] == UInt8(ascii: "_"),
            let idBytes = Hex.decode(
                bytes.extracting(Self.prefix.utf8.count..<secretStart - 1)
            ),
            let secret = Base64URL.decode(bytes.extracting(secretStart...)),
            secret.count == Self.secretSizeBytes
        else { return nil }
        id = idBytes.reduce(0) { $0 << 8 | UInt64($1) }
        self.secret = secret
    }

    /// The 67 characters; show them to their owner only.
    var text: String {
        let id = Hex.encode(BigEndian.bytes(of: id).span.extracting(2...))
        return "\(Self.prefix)\(id)_\(Base64URL.encode(secret.span))"
    }
}

extension AccessToken: CustomStringConvertible {
    /// Without the secret, so that no message can show it.
    var description: String { "token \(Hex.encode(BigEndian.bytes(of: id).span.extracting(2...)))" }
}
