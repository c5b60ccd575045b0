internal import EvidenceModel
internal import TransparencyLog

/// Every question that a report can ask of a log.
///
/// Each rule by which a log is judged belongs to at least one of them, so that no finding is lost.
enum ReportQuestions {
    static let all: [ReportQuestion] = log + retention + erasure + access + copies

    private static let log = [
        ReportQuestion(
            "whole-log",
            "Is every record, from the first to the last, the one that the log has signed?",
            rules: [.record, .creation, .received, .closed],
            tree: MonitorViolation.Rule.allCases,
            LogRules.wholeLog
        ),
        ReportQuestion(
            "completeness",
            "Are the records of each collection numbered without a gap, and counted rightly?",
            rules: [.sequence, .census],
            LogRules.completeness
        ),
        ReportQuestion(
            "trail",
            "Does a dated record that names who acted stand for everything that was done?",
            rules: [.record, .received],
            LogRules.trail
        ),
        ReportQuestion(
            "evidence-taken",
            "What evidence was taken in?",
            rules: [.sequence],
            LogRules.evidenceTaken
        ),
        ReportQuestion(
            "clock",
            "Did the times of records only go forward, and who moved the compliance clock?",
            rules: [.received, .clock],
            LogRules.clock
        ),
        ReportQuestion(
            "keys",
            "Which keys sign the log, and was one replaced?",
            rules: [.key],
            KeyRules.keys
        ),
        ReportQuestion(
            "configuration",
            "What was changed of the rules by which the store runs?",
            LogRules.configuration
        ),
        ReportQuestion(
            "incidents",
            "What does the log itself tell of exceptions and faults?",
            LogRules.incidents
        ),
        ReportQuestion(
            "recovery",
            "Was the log made to go on for one that was lost?",
            rules: [.creation],
            LogRules.recovery
        ),
        ReportQuestion(
            "witnesses",
            "Have witnesses cosigned the checkpoint, so that the log shows everybody the same?",
            LogRules.witnesses
        ),
        ReportQuestion(
            "timestamps",
            "Have authorities of time stamped the log, so that others say when records existed?",
            TimeStampRules.timestamps
        ),
    ]

    private static let retention = [
        ReportQuestion(
            "policies",
            "Is there a policy in the log for each collection that took evidence?",
            rules: [.policy],
            RetentionRules.policies
        ),
        ReportQuestion(
            "locks-granted",
            "Was all evidence locked when it was taken in?",
            rules: [.policy],
            RetentionRules.locksGranted
        ),
        ReportQuestion(
            "firmness",
            "Is the evidence under locks that nobody can set aside?",
            rules: [.policy],
            RetentionRules.firmness
        ),
        ReportQuestion(
            "locks-kept",
            "Was a lock ever shortened, or its mode weakened?",
            rules: [.lockExtended, .event],
            RetentionRules.locksKept
        ),
        ReportQuestion(
            "five-years",
            "Is the evidence locked for five years or more, so that nobody can erase it before?",
            rules: [.policy],
            { facts, _ in RetentionRules.lasting(facts, years: 5) }
        ),
        ReportQuestion(
            "six-years",
            "Is the evidence locked for six years or more, so that nobody can erase it before?",
            rules: [.policy],
            { facts, _ in RetentionRules.lasting(facts, years: 6) }
        ),
        ReportQuestion(
            "holds",
            "Which legal holds were placed and released, and which stand?",
            rules: [.hold],
            RetentionRules.holds
        ),
        ReportQuestion(
            "holds-kept",
            "Was anything erased while a matter held it?",
            rules: [.erasedHeld],
            RetentionRules.holdsKept
        ),
    ]

    private static let erasure = [
        ReportQuestion(
            "erasures",
            "Was anything erased before its lock was over, or without a certificate?",
            rules: [.erasedLocked, .certificate],
            ErasureRules.erasures
        ),
        ReportQuestion(
            "bypasses",
            "Were GOVERNANCE locks set aside, by whom and why?",
            rules: [.bypass],
            ErasureRules.bypasses
        ),
        ReportQuestion(
            "purges",
            "Are the bytes of what was erased gone from each copy?",
            rules: [.purge],
            ErasureRules.purges
        ),
        ReportQuestion(
            "due",
            "Does evidence stand whose lock is over and which nothing holds?",
            ErasureRules.due
        ),
    ]

    private static let access = [
        ReportQuestion(
            "tokens",
            "Which tokens were made and revoked, and which are in force?",
            rules: [.access],
            AccessRules.tokens
        ),
        ReportQuestion(
            "access-digests",
            "Is the log of who read what fixed by a digest of each day?",
            rules: [.access],
            AccessRules.digests
        ),
        ReportQuestion(
            "exports",
            "What evidence was handed out as bundles, to whom and why?",
            rules: [.access],
            AccessRules.exports
        ),
    ]

    private static let copies = [
        ReportQuestion(
            "second-copy",
            "Is there a second copy, and was it found equal?",
            rules: [.target],
            tree: [.comparison],
            CopyRules.secondCopy
        ),
        ReportQuestion(
            "probes",
            "Does the second copy's store enforce its locks?",
            rules: [.target],
            CopyRules.probes
        ),
    ]
}
