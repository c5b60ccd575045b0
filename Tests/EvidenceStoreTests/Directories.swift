import Cryptography
import EvidenceModel
import Glibc
import Platform
import Testing

@testable import EvidenceStore

/// A directory of its own for a test, removed with the value.
final class TemporaryDirectory {
    let path: String

    init(in parent: String = "/tmp") throws {
        path = "\(parent)/strongroom-store-\(Hex.encode(Random.bytes(count: 8).span))"
        try FileSystem.makeDirectory(path)
    }

    deinit { try? FileSystem.removeTree(path) }
}

extension FileSystem {
    /// Copies a directory with all that is in it, as a crash at this moment would leave it.
    static func copyTree(_ source: String, to target: String) throws {
        try makeDirectoryIfAbsent(target)
        for name in try list(source) {
            let (from, to) = ("\(source)/\(name)", "\(target)/\(name)")
            if try information(from)?.kind == .directory {
                try copyTree(from, to: to)
            } else {
                try copyFile(from, to: to)
            }
        }
    }

    static func copyFile(_ source: String, to target: String) throws {
        let bytes = try contents(source, limitBytes: 1 << 30)
        try unlinkIfPresent(target)
        let file = try File(target, .createOrTruncate(permissions: 0o600))
        try file.write(bytes.span)
        if let found = try information(source) { try file.setPermissions(found.permissions) }
    }
}

/// Full check of a log that nobody has open.
func fsck(_ path: String) throws -> FsckReport {
    var fsck = try Fsck(path: path)
    return try fsck.run()
}

/// A seeded generator: prints its seed, and takes it from STRONGROOM_SEED to replay a run.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(_ test: String) {
        let given = Platform.Environment.value("STRONGROOM_SEED").flatMap { UInt64($0) }
        let seed = given ?? UInt64.random(in: 0 ... .max)
        print("\(test): STRONGROOM_SEED=\(seed)")
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

/// Where some bytes stand in others; quick without optimisation, too.
func places(of needle: [UInt8], in bytes: [UInt8]) -> [Int] {
    var found: [Int] = []
    unsafe bytes.withUnsafeBufferPointer { bytes in
        guard let base = bytes.baseAddress, let first = needle.first else { return }
        let end = bytes.count - needle.count + 1
        var place = 0
        while place < end, let next = unsafe memchr(base + place, Int32(first), end - place) {
            place = unsafe UnsafeRawPointer(next) - UnsafeRawPointer(base)
            if unsafe bytes[place..<place + needle.count].elementsEqual(needle) {
                found.append(place)
            }
            place += 1
        }
    }
    return found
}
