package import Cryptography
package import EvidenceModel
package import TransparencyLog

/// Which object of a target has which key below the target's prefix.
///
/// ```
/// log/checkpoint
/// log/tile/<level>/<N>                     log/tile/entries/<N>
/// journal/<first>-<n>.tar.zst
/// packs/<collection>/<mode>/<until>/<first>-<n>-<digest8>.tar.zst
/// packs/extended/<collection>/<mode>/<until>/<first>-<n>-<digest8>.tar.zst
/// packs/held/<matter>/<first>-<n>-<digest8>.tar.zst
/// payloads/<collection>/<index>.zst
/// state/<YYYY-MM-DD>.tar.zst               probe/<16 hex digits>/…
/// ```
///
/// Indexes have 16 digits, so that keys sort as records do; counts have no leading zeros. `<until>`
/// is `2033-11-22T00:00:00Z` or `awaiting-<event>`. A matter is percent-encoded outside of
/// `[A-Za-z0-9._-]`; if that gives more than 200 bytes, its SHA-256 in hex stands there instead.
package enum ObjectLayout {
    /// The register: the newest signed checkpoint.
    package static let checkpoint = key("log/checkpoint")

    /// What stands before the keys of one kind.
    package enum Folder: String, CaseIterable, Sendable {
        case log = "log/"
        case journal = "journal/"
        case packs = "packs/"
        case payloads = "payloads/"
        case state = "state/"
        case probe = "probe/"
    }

    /// The largest name of a matter as it is, in bytes.
    static let maximumMatterBytes = 200
    static let packSuffix = ".tar.zst"
    static let payloadSuffix = ".zst"
    static let strongerSuffix = "-COMPLIANCE"

    package static func tile(_ tile: TileCoordinate) -> ObjectKey { key("log/\(tile.path)") }

    package static func entryBundle(_ bundle: EntryBundleCoordinate) -> ObjectKey {
        key("log/\(bundle.path)")
    }

    package static func journal(first: RecordIndex, count: UInt64) -> ObjectKey {
        key("journal/\(digits(first))-\(count)\(packSuffix)")
    }

    /// `digest` is that of the object's bytes.
    package static func pack(
        _ home: PackHome,
        first: RecordIndex,
        count: UInt64,
        digest: SHA256Digest
    ) -> ObjectKey {
        let name = "\(digits(first))-\(count)-\(digest.hex.prefix(8))\(packSuffix)"
        let lock = "\(home.lock.mode)/\(end(home.lock.end))"
        return switch home.kind {
        case .original: key("packs/\(home.collection)/\(lock)/\(name)")
        case .extended: key("packs/extended/\(home.collection)/\(lock)/\(name)")
        case .held(let matter): key("packs/held/\(folder(matter))/\(name)")
        }
    }

    package static func payload(_ collection: CollectionName, _ index: RecordIndex) -> ObjectKey {
        key("payloads/\(collection)/\(digits(index))\(payloadSuffix)")
    }

    /// The same payload once more, under COMPLIANCE: stores do not let a version's lock of
    /// GOVERNANCE become one of COMPLIANCE without the right to bypass it.
    package static func strongerPayload(
        _ collection: CollectionName,
        _ index: RecordIndex
    ) -> ObjectKey {
        key("payloads/\(collection)/\(digits(index))\(strongerSuffix)\(payloadSuffix)")
    }

    /// A matter as a part of a key.
    static func folder(_ matter: Matter) -> String {
        var text: [UInt8] = []
        for byte in matter.text.utf8 {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "-"):
                text.append(byte)
            default:
                text.append(contentsOf: [UInt8(ascii: "%"), hex(byte >> 4), hex(byte & 15)])
            }
        }
        guard text.count <= maximumMatterBytes else {
            return SHA256.hash(matter.text.utf8.span).hex
        }
        return String(decoding: text, as: UTF8.self)
    }

    static func end(_ end: Lock.End) -> String {
        switch end {
        case .until(let until): until.rfc3339Seconds
        case .awaiting(let event, _): "awaiting-\(event)"
        }
    }

    private static func digits(_ index: RecordIndex) -> String {
        let text = String(index.value)
        return String(repeating: "0", count: max(0, 16 - text.count)) + text
    }

    private static func hex(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") + value - 10
    }

    private static func key(_ text: String) -> ObjectKey {
        guard let key = ObjectKey(text) else { preconditionFailure("a key is never so long") }
        return key
    }
}
