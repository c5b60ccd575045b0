@testable import Cryptography

// `#expect` cannot take a `Span` apart, so the tests speak of arrays.

func hash(_ bytes: [UInt8]) -> SHA256Digest { SHA256.hash(bytes.span) }

func hash(prefix: UInt8, _ bytes: [UInt8]) -> SHA256Digest {
    SHA256.hash(prefix: prefix, bytes.span)
}

func digest(_ bytes: [UInt8]) -> SHA256Digest? { SHA256Digest(bytes.span) }

func base64(_ bytes: [UInt8]) -> String { Base64.encode(bytes.span) }

func base64Decoded(_ text: [UInt8]) -> [UInt8]? { Base64.decode(text.span) }

func hex(_ bytes: [UInt8]) -> String { Hex.encode(bytes.span) }

extension Ed25519PrivateKey {
    func signature(of message: [UInt8]) -> [UInt8] { sign(message.span) }
}

extension Ed25519PublicKey {
    func accepts(_ signature: [UInt8], for message: [UInt8]) -> Bool {
        isValid(signature: signature.span, for: message.span)
    }
}
