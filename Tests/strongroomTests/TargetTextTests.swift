import EvidenceModel
import Testing

@testable import strongroom

/// What a person reads of targets.
@Suite struct TargetTextTests {
    private func target(_ changes: [(String, JSONValue?)] = []) -> JSONObject {
        var target: JSONObject = [
            "name": "frankfurt", "phase": "dual", "health": "running",
            "description": [
                "name": "frankfurt", "bucket": "copy", "prefix": "a/", "region": "eu-central-1",
                "logRetention": "10y", "pathStyle": .bool(false),
            ],
            "size": .integer(1200), "replicated": .integer(1200), "lagRecords": .integer(0),
            "lagSeconds": .integer(0), "unpacked": .integer(0), "pending": .integer(0),
            "unpurged": .integer(0), "objects": .integer(1), "objectBytes": .integer(2048),
            "conditionalWrites": .bool(true),
        ]
        for (name, value) in changes { target[name] = value }
        return target
    }

    @Test func aLineSaysWhatMatters() {
        #expect(
            TargetText.line(target())
                == "frankfurt  dual  running  all of 1,200 records  s3://copy/a/"
        )
        let behind = target([
            ("health", "failing"), ("replicated", .integer(1000)), ("lagSeconds", .integer(65)),
        ])
        #expect(
            TargetText.line(behind)
                == "frankfurt  dual  FAILING  1,000 of 1,200 records, 1 min 5 s behind  "
                + "s3://copy/a/"
        )
    }

    @Test func whatIsWellIsShortAndWhatIsNotIsThere() {
        let well = TargetText.lines(target()).joined(separator: "\n")
        for word in ["unpacked", "pending", "unpurged", "fence", "circuit"] {
            #expect(!well.contains(word), "\(word) in \(well)")
        }
        #expect(well.contains("nothing: it has no retention profile") && well.contains("never"))
        let ill = TargetText.lines(
            target([
                ("unpacked", .integer(3)), ("pending", .integer(1)), ("unpurged", .integer(2)),
                ("pendingUntil", "2033-11-22T00:00:00Z"), ("conditionalWrites", .bool(false)),
                ("reason", "no route"), ("health", "failing"),
                (
                    "lastProbe",
                    ["record": .integer(9), "compliant": .bool(false), "at": "2026-11-21"]
                ),
                (
                    "statistics",
                    [
                        "requests": .integer(5), "repetitions": .integer(1), "faults": .integer(1),
                        "circuit": "open",
                    ]
                ),
            ])
        ).joined(separator: "\n")
        for words in [
            "3 records in journal", "1 newer lock not in force there, locked there until 2033",
            "2 erased records", "NONE", "no route", "LOCKS DO NOT HOLD", "record 9",
            "circuit breaker is open",
        ] {
            #expect(ill.contains(words), "\(words) in \(ill)")
        }
    }

    @Test func aProbeShoutsWhatIsNotEnforced() {
        let report: JSONObject = [
            "compliant": .bool(false), "conditions": .bool(false), "checksums": .bool(true),
            "findings": ["delete-locked": "ignored", "lock-told": "enforced"],
            "detail": "it answered 204",
        ]
        #expect(
            TargetText.probe("frankfurt", report, ["act": .integer(7)]) == [
                "delete-locked  IGNORED", "lock-told  enforced",
                "conditional writes  NOT KEPT: a second writer would not be noticed",
                "it answered 204", "frankfurt  DOES NOT ENFORCE ALL LOCKS  by record 7",
            ]
        )
    }

    @Test func findingsAndTheirSum() {
        let finding: JSONObject = [
            "side": "target", "what": "packs/a", "problem": "missing", "repaired": .bool(true),
        ]
        #expect(TargetText.finding(finding) == "target  packs/a  missing  repaired")
        var reply: JSONObject = [
            "differences": .integer(2), "repaired": .integer(1), "checkedObjects": .integer(1),
            "checkedPayloads": .integer(1000), "findings": .array([.object(finding)]),
            "strayCount": .integer(0), "strays": .array([]),
        ]
        let sum = "frankfurt: 2 differences in 1 object and 1,000 payloads, 1 repaired"
        let repaired = TargetText.outcome("frankfurt", reply, repairing: true)
        #expect(repaired[0] == sum && repaired[1] == "only the first 1 are shown")
        #expect(repaired.count == 3 && repaired[2].contains("ops/runbooks/target-reconcile.md"))
        let found = TargetText.outcome("frankfurt", reply, repairing: false)
        #expect(found[2].contains("'strongroom target reconcile frankfurt --repair'"))
        reply["findings"] = .array([.object(finding), .object(finding)])
        reply["repaired"] = .integer(2)
        reply["strayCount"] = .integer(3)
        let strays = TargetText.outcome("frankfurt", reply, repairing: true)
        #expect(strays.count == 2 && strays[1].hasPrefix("3 objects there that this log did not"))
    }

    @Test func aStraySaysWhoseItSeemsToBe() {
        let stray: JSONObject = ["what": "journal/a", "version": "v1", "problem": "of another"]
        #expect(TargetText.stray(stray) == "stray  journal/a  version v1  of another")
    }

    @Test func progressIsABar() {
        let half = target([("size", .integer(100)), ("replicated", .integer(60))])
        #expect(
            TargetText.progress(half, size: 100, seconds: 65)
                == "[############········]  60 of 100 records  1:05 so far"
        )
        #expect(
            TargetText.progress(percent: 25, seconds: 10)
                == "[#####···············]  25 %  0:30 left"
        )
        #expect(TargetText.progress(percent: 0, seconds: 1).contains("--:-- left"))
    }

    @Test func pathsAreEncoded() {
        #expect(TargetCommands.path("a/b", "wait").text == "/v1/targets/a%2Fb/wait")
        #expect(TargetCommands.path("frankfurt").text == "/v1/targets/frankfurt")
    }
}

/// What is tried again by itself.
@Suite struct TargetRetryTests {
    @Test func aTargetThatWasAskedIsNotAskedAgainAndAPendingCopyIs() {
        func reply(_ slug: String) -> APIReply {
            let text = "{\"type\":\"https://strongroom.dev/problems/\(slug)\",\"status\":503}"
            return APIReply(status: 503, fields: [], body: Array(text.utf8))
        }
        #expect(!Retry.isWorthwhile(reply("target-unavailable")))
        #expect(Retry.isWorthwhile(reply("copy-pending")))
        #expect(Problem(reply("target-unavailable")).exitCode == .tryAgain)
    }
}
