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

    package let checkedObjects: UInt64
    package let checkedPayloads: UInt64
    package let findings: [Finding]

    package init(checkedObjects: UInt64, checkedPayloads: UInt64, findings: [Finding]) {
        self.checkedObjects = checkedObjects
        self.checkedPayloads = checkedPayloads
        self.findings = findings
    }
}
