/// With what each framework's paragraphs were compared when ``ReportControls`` was written.
///
/// Whoever relies on a paragraph's number or content reads the rule itself; this says where that
/// has not been done here.
struct ReportSource: Sendable {
    /// As its controls name it.
    let framework: String
    let compared: String
    let notCompared: String

    static let all = [
        ReportSource(
            framework: ReportControls.securitiesRule,
            compared: "As amended in 2022 (87 FR 66412). (f)(2)(i)(A) and (B): the words of the "
                + "Code of Federal Regulations, as others quote them from ecfr.gov and "
                + "law.cornell.edu. The numbers of (f)(2)(ii), (iv), (v) and (f)(3)(iii), (v): "
                + "what vendors and assessors say of the amended rule.",
            notCompared: "The Code's own pages. (f)(2)(iii), (f)(3)(i), (ii) and (iv) were "
                + "compared only with how the proposal of 2021 (86 FR 68300) describes them."
        ),
        ReportSource(
            framework: ReportControls.finraRule,
            compared: "FINRA's Regulatory Notice 11-19, which describes the rule; the letters of "
                + "its paragraphs as others name them.",
            notCompared: "The page of the rule in FINRA's rulebook."
        ),
        ReportSource(
            framework: ReportControls.commoditiesRule,
            compared: "As amended in 2017: the summary in the Federal Register (82 FR 24479) and "
                + "law firms' accounts of the rule; (b)(3) and (b)(4) also with the words of the "
                + "Code of Federal Regulations, as others quote them.",
            notCompared: "The Code's own pages; so not the numbers within (b) and (c) but those "
                + "two, nor the words of (c)(2)."
        ),
        ReportSource(
            framework: ReportControls.isoStandard,
            compared: "A.5.28: the words of the control, as others quote them. A.8.10 and A.8.15: "
                + "others' descriptions.",
            notCompared: "The standard itself, which is sold and not published."
        ),
        ReportSource(
            framework: ReportControls.trustServices,
            compared: "CC7.1 and CC7.2: the AICPA's words, as others quote them. CC7.3 and CC7.4: "
                + "others' descriptions.",
            notCompared: "The AICPA's own publication; CC7.5."
        ),
    ]
}
