/// What a lock probe found: which rules of Object Lock a target enforces.
public struct ProbeReport: Hashable, Sendable {
    /// A rule that is tried; the raw value is the word that stands in records.
    public enum Rule: String, Sendable, Hashable, CaseIterable {
        /// A version under a COMPLIANCE lock cannot be deleted.
        case deleteLocked = "delete-locked"
        /// The date of a COMPLIANCE lock cannot be brought forward.
        case shortenLock = "shorten-lock"
        /// A COMPLIANCE lock cannot become one of GOVERNANCE.
        case weakenMode = "weaken-mode"
        /// A version whose lock has ended cannot be deleted while a legal hold is on it.
        case deleteHeld = "delete-held"
        /// Of several versions that are deleted at once the locked ones stay.
        case deleteMixed = "delete-mixed"
        /// What was asked for at the upload can be read back: lock, hold, version.
        case lockTold = "lock-told"
    }

    /// How a rule was found.
    public enum Finding: String, Sendable, Hashable {
        case enforced
        case ignored
        /// It could not be tried, or the answer does not tell.
        case unknown
    }

    /// The longest detail.
    public static let maximumDetailSizeBytes = 1_024

    /// What was found, for every rule.
    public let findings: [Rule: Finding]
    /// Whether `If-None-Match` and `If-Match` are kept: what makes the register a fence.
    public let hasConditions: Bool
    /// Whether checksums are verified by the store and told.
    public let hasChecksums: Bool
    /// For people: what the store answered where a rule is not enforced.
    public var detail: String? { exactDetail?.string }

    private let exactDetail: ExactText?

    /// A report; a rule without a finding is unknown.
    ///
    /// `detail`: what a store answered may be anything; control characters become blanks, and what
    /// is beyond ``maximumDetailSizeBytes`` is left out.
    public init(
        findings: [Rule: Finding],
        hasConditions: Bool,
        hasChecksums: Bool,
        detail: String? = nil
    ) {
        self.findings = Dictionary(
            uniqueKeysWithValues: Rule.allCases.map { ($0, findings[$0] ?? .unknown) }
        )
        self.hasConditions = hasConditions
        self.hasChecksums = hasChecksums
        let plain = detail.map(Self.plain) ?? ""
        exactDetail = plain.isEmpty ? nil : ExactText(plain)
    }

    private static func plain(_ text: String) -> String {
        var plain = String.UnicodeScalarView()
        var sizeBytes = 0
        for scalar in text.unicodeScalars {
            let isControl = scalar.properties.generalCategory == .control
            let kept = isControl ? " " : scalar
            sizeBytes += UTF8.width(kept)
            guard sizeBytes <= maximumDetailSizeBytes else { break }
            plain.append(kept)
        }
        return String(plain)
    }

    /// Whether every rule is enforced.
    public var isCompliant: Bool { findings.values.allSatisfy { $0 == .enforced } }
}
