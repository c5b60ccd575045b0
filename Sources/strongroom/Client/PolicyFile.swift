internal import Platform
internal import TransparencyLog

/// A C2SP tlog-policy file, as the user names it.
enum PolicyFile {
    static func read(_ path: String) throws(CommandFailure) -> TlogPolicy {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try FileSystem.contents(path, limitBytes: TlogPolicy.maximumBytes)
        } catch {
            throw CommandFailure(error)
        }
        do throws(TlogPolicyError) {
            return try TlogPolicy(parsing: bytes)
        } catch {
            throw .usage("\(path): \(error)", advice: "C2SP tlog-policy describes the file")
        }
    }
}
