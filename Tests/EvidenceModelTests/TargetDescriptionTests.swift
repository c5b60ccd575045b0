import EvidenceModel
import Testing

/// Names, texts and reports of targets at their limits.
@Suite struct TargetDescriptionTests {
    @Test(arguments: ["a", "0", "s3-1", "a-", "a--b", "locals", "local-backup"])
    func names(_ text: String) throws {
        #expect(try TargetName(text).text == text)
    }

    @Test(arguments: ["", "-a", "A", "a.b", "a_b", "a b", "é", "local", "a\n"])
    func noNames(_ text: String) {
        #expect(throws: LimitViolation.self) { try TargetName(text) }
    }

    @Test func aNameHas32Bytes() throws {
        #expect(try TargetName(String(repeating: "a", count: 32)).text.utf8.count == 32)
        #expect(throws: LimitViolation.self) { try TargetName(String(repeating: "a", count: 33)) }
        #expect(try TargetName("a") < TargetName("b"))
    }

    private func fault(
        bucket: String = "evidence",
        _ change: (inout TargetDescription) throws -> Void = { _ in }
    ) throws -> LimitViolation? {
        var description = TargetDescription(
            name: try TargetName("s3"),
            bucket: bucket,
            region: "eu-central-1",
            logRetention: try RetentionDuration(parsing: "10y")
        )
        try change(&description)
        let found = error { () throws(LimitViolation) in try description.check() }
        #expect(found == nil || found?.field == .target)
        return found
    }

    private func repeated(_ count: Int) -> String { String(repeating: "x", count: count) }

    @Test func buckets() throws {
        for bucket in ["abc", "a.b", "9-9", repeated(63)] {
            #expect(try fault(bucket: bucket) == nil, "\(bucket)")
        }
        for bucket in ["", "ab", repeated(64), "Abc", "a_b", "-ab", "ab-", ".ab", "a..b", "éab"] {
            #expect(try fault(bucket: bucket)?.rule.hasPrefix("bucket ") == true, "\(bucket)")
        }
    }

    @Test func endpoints() throws {
        for endpoint in [
            "http://a", "https://s3.example.org", "http://127.0.0.1:8333", "http://[::1]",
            "http://[fe80::1]:65535", "http://a:1", "https://" + repeated(248),
        ] {
            #expect(try fault { $0.endpoint = endpoint } == nil, "\(endpoint)")
        }
        for endpoint in [
            "", "a", "ftp://a", "http://", "http://A", "HTTP://a", "http://a/", "http://a:",
            "http://a:0", "http://a:080", "http://a:65536", "http://a:123456", "http://u@a",
            "http://[::1", "http://::1", "http://[]", "http://[]:1", "http://[a]b", "http://a b",
            "http://é", "http://a?b", "http://a#b", "https://" + repeated(249),
        ] {
            let found = try fault { $0.endpoint = endpoint }
            #expect(found?.rule.hasPrefix("endpoint ") == true, "\(endpoint)")
        }
    }

    @Test func prefixes() throws {
        for prefix in ["", "a/", "a/b/", ".a/", "a./", ".../", "~!\"\\/", repeated(255) + "/"] {
            #expect(try fault { $0.prefix = prefix } == nil, "\(prefix)")
        }
        for prefix in [
            "/", "a", "/a/", "a//", "a//b/", "./", "../", "a/./", "a/../", "a b/", "é/", "\u{7F}/",
            repeated(256) + "/",
        ] {
            let found = try fault { $0.prefix = prefix }
            #expect(found?.rule.hasPrefix("prefix ") == true, "\(prefix)")
        }
    }

    @Test func otherTexts() throws {
        let members: [(String, WritableKeyPath<TargetDescription, String?>)] = [
            ("kmsKey", \.kmsKey), ("profile", \.profile), ("retentionProfile", \.retentionProfile),
        ]
        for (member, path) in members {
            for text in ["a", "arn:aws:kms:x:1:key/2", "[!~]", repeated(256)] {
                #expect(try fault { $0[keyPath: path] = text } == nil, "\(member) \(text)")
            }
            for text in ["", " ", "a b", "é", "\n", "\u{7F}", repeated(257)] {
                let found = try fault { $0[keyPath: path] = text }
                #expect(found?.rule.hasPrefix("\(member) ") == true, "\(member) \(text)")
            }
        }
        for region in ["a", "Z_0-", String(repeating: "r", count: 64)] {
            #expect(try fault { $0.region = region } == nil, "\(region)")
        }
        for region in ["", "a.b", "a b", "é", repeated(65)] {
            let found = try fault { $0.region = region }
            #expect(found?.rule.hasPrefix("region ") == true, "\(region)")
        }
        for (length, isAllowed) in [("1s", true), ("100y", true), ("101y", false)] {
            let found = try fault { $0.logRetention = try RetentionDuration(parsing: length) }
            #expect((found == nil) == isAllowed, "\(length)")
        }
    }

    // MARK: Reports

    @Test func aRuleWithoutAFindingIsUnknown() {
        let report = ProbeReport(
            findings: [.deleteLocked: .enforced],
            hasConditions: false,
            hasChecksums: false
        )
        #expect(report.findings.count == ProbeReport.Rule.allCases.count)
        #expect(report.findings[.deleteLocked] == .enforced)
        #expect(report.findings.values.count { $0 == .unknown } == report.findings.count - 1)
        #expect(!report.isCompliant && report.detail == nil)
        for rule in ProbeReport.Rule.allCases {
            for finding in [ProbeReport.Finding.ignored, .unknown] {
                var findings = Targets.report(.enforced).findings
                findings[rule] = finding
                #expect(
                    !ProbeReport(findings: findings, hasConditions: true, hasChecksums: true)
                        .isCompliant
                )
            }
        }
        #expect(Targets.report(.enforced).isCompliant)
    }

    @Test func whatAStoreAnsweredIsMadeFit() {
        for (given, kept) in [
            ("ok", "ok"), ("", nil), ("a\nb\u{7F}\u{85}c", "a b  c"),
            (repeated(1_024), repeated(1_024)), (repeated(1_025), repeated(1_024)),
            // No character is cut in two.
            (repeated(1_023) + "é", repeated(1_023)),
            (repeated(1_022) + "é", repeated(1_022) + "é"),
        ] as [(String, String?)] {
            let found = Targets.report(.ignored, given).detail
            #expect(found.map { Array($0.utf8) } == kept.map { Array($0.utf8) })
        }
        // Two details that differ in their bytes are two.
        #expect(Targets.report(.ignored, "e\u{301}") != Targets.report(.ignored, "é"))
    }
}
