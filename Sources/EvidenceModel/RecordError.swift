/// Why bytes are not a record that this version can carry on with.
public enum RecordError: Error, Equatable, Sendable {
    /// More than `Record.maximumSizeBytes`.
    case tooLarge(sizeBytes: Int)
    /// Not canonical JSON: damaged, or never written by this program.
    case notCanonical(JSONError)
    /// Canonical JSON, but not an object.
    case notAnObject
    /// Of a version that only a newer program understands.
    case newerVersion(UInt64)
    /// Of a kind that this program does not know.
    case unknownKind(String)
    /// A member that this kind does not have.
    case unknownMember(String)
    /// A member that this kind must have.
    case missingMember(String)
    /// A member whose value breaks a rule.
    case invalidMember(String, reason: String)
}

extension RecordError: CustomStringConvertible {
    /// What is wrong, and what to do where that is known.
    public var description: String {
        switch self {
        case .tooLarge(let sizeBytes):
            "a record of \(sizeBytes) bytes; the limit is \(Record.maximumSizeBytes)"
        case .notCanonical(let error): "not canonical JSON: \(error)"
        case .notAnObject: "not a JSON object"
        case .newerVersion(let version):
            "version \(version) of a record; use a newer program to read it"
        case .unknownKind(let kind):
            "a record of the unknown kind \(kind); use a newer program to read it"
        case .unknownMember(let name): "the unknown member \(name)"
        case .missingMember(let name): "the member \"\(name)\" is missing"
        case .invalidMember(let name, let reason): "the member \"\(name)\": \(reason)"
        }
    }
}
