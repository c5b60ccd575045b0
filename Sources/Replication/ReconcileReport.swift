/// What a comparison of both sides found.
package struct ReconcileReport: Sendable {
    /// One difference.
    package struct Finding: Sendable {
        /// Which side is damaged.
        package enum Side: String, Sendable { case local, target, both }

        package let side: Side
        /// The object's key, or the record's index in words.
        package let what: String
        /// What is wrong with it.
        package let problem: String
        /// Whether it was repaired; with `repairing` only.
        package let isRepaired: Bool

        package init(side: Side, what: String, problem: String, isRepaired: Bool) {
            self.side = side
            self.what = what
            self.problem = problem
            self.isRepaired = isRepaired
        }
    }

    /// An object among those of the copy that this log did not store.
    package struct Stray: Sendable {
        /// The object's key.
        package let what: String
        package let version: String
        /// Whose it seems to be.
        package let problem: String

        package init(what: String, version: String, problem: String) {
            self.what = what
            self.version = version
            self.problem = problem
        }
    }

    package let checkedObjects: UInt64
    package let checkedPayloads: UInt64
    package let findings: [Finding]
    /// No differences: neither side lacks anything, and nothing is done about them.
    package let strays: [Stray]

    package init(
        checkedObjects: UInt64,
        checkedPayloads: UInt64,
        findings: [Finding],
        strays: [Stray]
    ) {
        self.checkedObjects = checkedObjects
        self.checkedPayloads = checkedPayloads
        self.findings = findings
        self.strays = strays
    }
}
