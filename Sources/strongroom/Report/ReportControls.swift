/// The controls that a report is about, with the questions that tell of each.
///
/// What a rule asks for is said in other words than its own; the paragraph is what counts. Where a
/// control names no question, no record can tell anything of it.
enum ReportControls {
    static let all: [ReportControl] = securities + finra + commodities + iso + serviceOrganizations

    private typealias Gap = ReportControl.Gap

    static let securitiesRule = "SEC 17 CFR 240.17a-4"
    static let finraRule = "FINRA Rule 4511"
    static let commoditiesRule = "CFTC 17 CFR 1.31"
    static let isoStandard = "ISO/IEC 27001:2022"
    static let trustServices = "SOC 2 (TSP section 100)"

    private static let securities = [
        ReportControl(
            framework: securitiesRule,
            paragraph: "(f)(2)(i)(A)",
            title: "Audit-trail alternative",
            asks: "Records are kept for their period with a complete, time-stamped trail: every "
                + "change and deletion, when, by which person where one did it, and what is needed "
                + "to show that they are authentic and to make the original again.",
            decides: ["whole-log", "completeness", "trail", "clock", "erasures"],
            adds: ["locks-kept", "bypasses", "holds-kept", "keys", "witnesses", "timestamps"],
            gaps: [
                Gap(
                    "that an erased original can be made again",
                    "evidence is never changed, but what was lawfully erased is gone; its record "
                        + "and its digest stay"
                ),
                Gap(
                    "which period applies to which record",
                    "the log knows the lock that was asked for, not the rule behind it"
                ),
                Gap("which person bears a token", "the log knows the token's name"),
            ]
        ),
        ReportControl(
            framework: securitiesRule,
            paragraph: "(f)(2)(i)(B)",
            title: "Non-rewriteable, non-erasable format",
            asks: "Records are kept only in a form in which they can be neither rewritten nor "
                + "erased during their period.",
            decides: [
                "whole-log", "locks-granted", "firmness", "locks-kept", "erasures", "bypasses",
            ],
            adds: ["holds-kept", "policies", "probes"],
            gaps: [
                Gap(
                    "what whoever administers the machine could do to its disks",
                    "the log shows what was changed, it does not prevent it; the second copy under "
                        + "Object Lock is for that"
                )
            ]
        ),
        ReportControl(
            framework: securitiesRule,
            paragraph: "(f)(2)(ii)",
            title: "Automatic verification",
            asks: "The system verifies by itself that storing and keeping records is complete and "
                + "accurate.",
            decides: ["whole-log", "completeness"],
            adds: ["second-copy", "probes"],
            gaps: [
                Gap(
                    "that each record is read back before it is signed",
                    "this is how the program works; that it ran unchanged no record tells"
                )
            ]
        ),
        ReportControl(
            framework: securitiesRule,
            paragraph: "(f)(2)(iii)",
            title: "Serial numbers and dates",
            asks: "Where units of storage media are used they are numbered, and what is on them is "
                + "dated for its period.",
            decides: ["completeness", "locks-granted", "clock"],
            adds: [],
            gaps: [Gap("whether units of media are used", "the log numbers records, not disks")]
        ),
        ReportControl(
            framework: securitiesRule,
            paragraph: "(f)(2)(iv)",
            title: "Download and transfer",
            asks: "Copies of a record, its trail and what is needed to find it can be handed over "
                + "readily, readable for people and for machines.",
            decides: ["exports"],
            adds: [],
            gaps: [
                Gap(
                    "that it could have been done at any time",
                    "only what was handed out is recorded; try 'strongroom export' and 'get'"
                )
            ]
        ),
        ReportControl(
            framework: securitiesRule,
            paragraph: "(f)(2)(v)",
            title: "Backup or other redundancy",
            asks: "A backup system, or other redundancy, keeps the records within reach when the "
                + "first one is not.",
            decides: ["second-copy", "probes"],
            adds: [],
            gaps: [
                Gap(
                    "other backups, and how fast they are at hand",
                    "the log knows the targets that it replicates to"
                )
            ]
        ),
        ReportControl(
            framework: securitiesRule,
            paragraph: "(f)(3)(iii)",
            title: "Audit system",
            asks: "Where (f)(2)(i)(B) is followed, an audit system gives account of what was put "
                + "in and of every change; its results can be examined at any time, and are kept "
                + "as long as the records.",
            decides: ["trail", "tokens"],
            adds: ["access-digests"],
            gaps: [Gap("that the results were examined", "no record tells who read a report")]
        ),
        ReportControl(
            framework: securitiesRule,
            paragraph: "(f)(3)(iv)",
            title: "Information to locate records",
            asks: "What is needed to find and reach the records is organized and current.",
            decides: ["evidence-taken", "completeness"],
            adds: [],
            gaps: [
                Gap(
                    "whether names and labels serve those who search",
                    "the log keeps them as they were given"
                )
            ]
        ),
        ReportControl(
            framework: securitiesRule,
            paragraph: "(f)(3)(i), (f)(3)(ii), (f)(3)(v)",
            title: "Facilities, readiness, undertakings",
            asks: "Means to produce records at once are at hand, and a designated executive "
                + "officer or third party has undertaken, in a paper that is filed with the "
                + "examining authority, to provide them.",
            decides: [],
            adds: [],
            gaps: [
                Gap("facilities and readiness", "they are outside of the log"),
                Gap(
                    "the undertaking of a designated officer or third party",
                    "it is a paper that is filed elsewhere"
                ),
            ]
        ),
    ]

    private static let finra = [
        ReportControl(
            framework: finraRule,
            paragraph: "(a)",
            title: "Books and records",
            asks: "Members make and keep the books and records that the rules ask for.",
            decides: ["evidence-taken"],
            adds: ["completeness"],
            gaps: [
                Gap(
                    "whether all that is required was put in",
                    "the log knows what it was given, and shows that none of that is missing"
                )
            ]
        ),
        ReportControl(
            framework: finraRule,
            paragraph: "(b)",
            title: "Six years where no period is set",
            asks: "Records without a period of their own are kept for at least six years.",
            decides: ["six-years", "locks-kept", "bypasses"],
            adds: ["erasures"],
            gaps: [
                Gap(
                    "which records have no period of their own, and when an account was closed",
                    "the log knows locks, not rules"
                )
            ]
        ),
        ReportControl(
            framework: finraRule,
            paragraph: "(c)",
            title: "Format and media as in SEC Rule 17a-4",
            asks: "They are kept in a format and on media that comply with SEC Rule 17a-4; see "
                + "the controls there.",
            decides: ["whole-log", "locks-granted", "firmness", "erasures", "bypasses"],
            adds: ["locks-kept", "holds-kept", "second-copy", "probes"],
            gaps: [Gap("what lies outside of the log there", "see 17 CFR 240.17a-4(f) above")]
        ),
    ]

    private static let commodities = [
        ReportControl(
            framework: commoditiesRule,
            paragraph: "(b)(3)",
            title: "Five years",
            asks: "Records that (b)(1), on swaps and related transactions, and (b)(2), on oral "
                + "communications, do not cover are kept for at least five years from when they "
                + "were made; so is what was communicated before a swap.",
            decides: ["five-years", "locks-kept", "bypasses"],
            adds: ["erasures"],
            gaps: [
                Gap(
                    "which records (b)(1) and (b)(2) cover",
                    "the log does not know what evidence is about"
                ),
                Gap("when the record was made", "the log knows when it was taken in"),
            ]
        ),
        ReportControl(
            framework: commoditiesRule,
            paragraph: "(b)(4)",
            title: "Readily accessible",
            asks: "Electronic records are readily accessible for the whole period.",
            decides: [],
            adds: ["erasures"],
            gaps: [Gap("how readily", "no record tells how long the server was away")]
        ),
        ReportControl(
            framework: commoditiesRule,
            paragraph: "(c)(1)",
            title: "Authentic and reliable",
            asks: "Records are kept in a way that ensures that they are authentic and reliable.",
            decides: ["whole-log", "completeness", "trail"],
            adds: ["clock", "witnesses", "timestamps", "locks-kept", "holds-kept"],
            gaps: [Gap("whether what was put in was true", "the log keeps what it was given")]
        ),
        ReportControl(
            framework: commoditiesRule,
            paragraph: "(c)(2)(i)",
            title: "Security, signature and data",
            asks: "Systems keep up the security, signatures and data that show that electronic "
                + "records are authentic.",
            decides: ["whole-log", "tokens"],
            adds: ["access-digests", "keys", "witnesses", "timestamps"],
            gaps: [
                Gap(
                    "who can reach the signing key",
                    "the log knows which key signs, not who holds it"
                )
            ]
        ),
        ReportControl(
            framework: commoditiesRule,
            paragraph: "(c)(2)(ii)",
            title: "Produced, and available in an emergency",
            asks: "Records can be produced, and are available when the system that keeps them is "
                + "disrupted.",
            decides: ["second-copy", "probes"],
            adds: ["recovery"],
            gaps: [Gap("plans and exercises", "no record tells of them")]
        ),
        ReportControl(
            framework: commoditiesRule,
            paragraph: "(c)(2)(iii)",
            title: "Inventory of systems",
            asks: "An up-to-date inventory describes each system that is needed to reach or "
                + "produce the records.",
            decides: [],
            adds: [],
            gaps: [Gap("the inventory", "the log knows its targets, not the systems around it")]
        ),
    ]

    private static let iso = [
        ReportControl(
            framework: isoStandard,
            paragraph: "A.5.28",
            title: "Collection of evidence",
            asks: "Procedures are in place to identify, collect, acquire and preserve evidence of "
                + "information security events.",
            decides: ["evidence-taken", "completeness", "whole-log", "locks-granted"],
            adds: ["holds", "holds-kept", "locks-kept", "exports", "witnesses", "timestamps"],
            gaps: [
                Gap("the procedures, and who is trained in them", "they are outside of the log"),
                Gap(
                    "what happened to evidence before it was put in",
                    "the log begins with what it was given"
                ),
            ]
        ),
        ReportControl(
            framework: isoStandard,
            paragraph: "A.8.10",
            title: "Information deletion",
            asks: "Information is deleted when it is no longer required.",
            decides: ["due", "purges"],
            adds: ["erasures", "bypasses", "holds-kept"],
            gaps: [
                Gap("when information is no longer required", "a person decides that"),
                Gap(
                    "copies outside of the log and its targets",
                    "what was read or exported is out of its reach"
                ),
                Gap(
                    "names in open records",
                    "an erasure removes payloads and openings; an open record stays"
                ),
            ]
        ),
        ReportControl(
            framework: isoStandard,
            paragraph: "A.8.15",
            title: "Logging",
            asks: "Logs of activities, exceptions, faults and other relevant events are produced, "
                + "stored, protected and analysed.",
            decides: ["trail", "whole-log"],
            adds: ["access-digests", "clock", "tokens", "timestamps"],
            gaps: [
                Gap("that the logs were analysed", "no record tells who read them"),
                Gap(
                    "who read what",
                    "the access log is kept beside the log; its digests are records"
                ),
            ]
        ),
    ]

    private static let serviceOrganizations = [
        ReportControl(
            framework: trustServices,
            paragraph: "CC7.1",
            title: "Detecting changes and vulnerabilities",
            asks: "Changes of configuration that bring vulnerabilities, and new vulnerabilities, "
                + "are detected.",
            decides: ["configuration"],
            adds: ["tokens", "policies", "keys"],
            gaps: [
                Gap("vulnerabilities", "the log knows nothing of them"),
                Gap("the server's configuration and program", "they are no records"),
            ]
        ),
        ReportControl(
            framework: trustServices,
            paragraph: "CC7.2",
            title: "Monitoring for anomalies",
            asks: "Components are watched for anomalies that may be malicious acts, disasters or "
                + "errors, and these are analysed.",
            decides: ["incidents"],
            adds: ["whole-log", "probes", "clock", "access-digests", "second-copy", "witnesses"],
            gaps: [
                Gap(
                    "metrics and alerts, and who looked at them",
                    "they are kept by the monitoring system"
                ),
                Gap("whether a monitor runs", "it is outside, as it must be"),
            ]
        ),
        ReportControl(
            framework: trustServices,
            paragraph: "CC7.3",
            title: "Evaluating events",
            asks: "Security events are evaluated, to tell whether objectives were or could be "
                + "missed; if so, something is done against it.",
            decides: ["incidents"],
            adds: [],
            gaps: [Gap("the evaluation", "the log names the events, not what was thought of them")]
        ),
        ReportControl(
            framework: trustServices,
            paragraph: "CC7.4",
            title: "Responding to incidents",
            asks: "Incidents are answered by a defined programme: understood, contained, remedied "
                + "and communicated.",
            decides: ["incidents"],
            adds: ["holds"],
            gaps: [Gap("the programme and its runs", "they are outside of the log")]
        ),
        ReportControl(
            framework: trustServices,
            paragraph: "CC7.5",
            title: "Recovering from incidents",
            asks: "What is needed to recover from incidents is identified, developed and done.",
            decides: ["recovery"],
            adds: ["second-copy"],
            gaps: [Gap("tests of recovery", "no record tells of them; 'strongroom restore' is one")]
        ),
    ]
}
