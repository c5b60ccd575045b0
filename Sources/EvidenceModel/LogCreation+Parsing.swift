import Cryptography
import TransparencyLog

extension LogCreation {
    init(canonicalBytes bytes: Span<UInt8>) throws(RecordError) {
        var reader = MemberReader()
        var cursor = try reader.enterText(bytes)
        let founders = try reader.strings(
            "founders",
            maximumCount: Self.maximumFounderCount,
            &cursor,
            bytes
        )
        try reader.kind(.logCreated, &cursor, bytes)
        let origin = try reader.string("origin", &cursor, bytes)
        let predecessor = try Self.predecessor(&reader, &cursor, bytes)
        let received = try reader.received(&cursor, bytes)
        let height = try reader.integer("segmentHeight", &cursor, bytes)
        try reader.version(&cursor, bytes)
        let verifierText = try reader.optionalString("verifier", &cursor, bytes)
        let keyTexts = try reader.strings(
            "verifierKeys",
            maximumCount: Self.maximumVerifierKeyCount,
            &cursor,
            bytes
        )
        try reader.leaveText(cursor, bytes)
        let keys = try Self.verifierKeys("verifierKeys", keyTexts)
        let verifier = verifierText.flatMap { SHA256Digest(hex: $0) }
        guard (verifier == nil) == (verifierText == nil) else {
            throw .invalidMember("verifier", reason: "must be 64 lower-case hex characters")
        }
        guard let segmentHeight = UInt8(exactly: height) else {
            throw .invalidMember("segmentHeight", reason: "must be 8 or 16")
        }
        do {
            try self.init(
                origin: origin,
                founders: founders,
                segmentHeight: segmentHeight,
                verifierKeys: keys,
                predecessor: predecessor,
                bundleVerifier: verifier,
                received: received
            )
        } catch {
            throw .invalidMember(error.field.rawValue, reason: error.description)
        }
    }

    private static func predecessor(
        _ reader: inout MemberReader,
        _ cursor: inout MemberReader.Cursor,
        _ bytes: Span<UInt8>
    ) throws(RecordError) -> Predecessor? {
        guard var inner = try reader.enterObject("predecessor", &cursor, bytes) else { return nil }
        let checkpoint = try reader.string("checkpoint", &inner, bytes)
        let keyTexts = try reader.strings(
            "keys",
            maximumCount: Predecessor.maximumKeyCount,
            &inner,
            bytes
        )
        let lost = try reader.optionalRange("lost", &inner, bytes)
        try reader.leave(inner, to: &cursor, bytes)
        let keys = try verifierKeys("keys", keyTexts)
        do {
            return try Predecessor(checkpoint: checkpoint, keys: keys, lost: lost)
        } catch { throw .invalidMember("predecessor", reason: error.description) }
    }

    private static func verifierKeys(
        _ name: String,
        _ texts: [String]
    ) throws(RecordError) -> [VerifierKey] {
        var keys: [VerifierKey] = []
        for text in texts {
            guard let key = VerifierKey(canonical: text) else {
                throw .invalidMember(name, reason: "must be verifier keys")
            }
            keys.append(key)
        }
        return keys
    }
}

extension VerifierKey {
    /// A key as records hold it: of all its forms only the one that it is written in.
    init?(canonical text: String) {
        guard let key = try? VerifierKey(parsing: text), key.description.hasSameBytes(as: text)
        else { return nil }
        self = key
    }
}
