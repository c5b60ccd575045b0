import Cryptography
import EvidenceModel
import Testing

@testable import strongroom

/// How the server's answers are shown to people.
@Suite struct ActTextTests {
    private func object(_ text: String) throws -> JSONObject {
        let value = try JSONValue(parsing: Array(text.utf8).span, form: .any)
        guard case .object(let object) = value else { throw CommandFailure(.bug, text) }
        return object
    }

    @Test func locks() throws {
        let lock = #""lock":{"mode":"COMPLIANCE","until":"2040-01-01T00:00:00Z"}"#
        #expect(
            LockCommand.text(41, try object(#"{"index":41,"act":57,\#(lock)}"#))
                == "41  COMPLIANCE until 2040-01-01T00:00:00Z  by record 57"
        )
        #expect(
            LockCommand.text(41, try object(#"{"index":41,\#(lock)}"#)).hasSuffix("Z  unchanged")
        )
        let awaiting = try object(
            #"{"lock":{"duration":"7y","event":"closed","mode":"GOVERNANCE"}}"#
        )
        #expect(LockWords.text(awaiting["lock"]) == "GOVERNANCE until closed, then 7y")
        #expect(LockWords.text(nil) == nil && LockWords.text("x") == nil)
    }

    @Test func outcomes() throws {
        #expect(
            ActText.outcome("case-7", "held", try object(#"{"count":3,"acts":[57]}"#))
                == "case-7  3 records held  by record 57"
        )
        #expect(
            ActText.outcome("case-7", "held", try object(#"{"count":1,"acts":[57,58]}"#))
                == "case-7  1 record held  by records 57, 58"
        )
        #expect(ActText.outcome("m", "held", try object("{}")) == "m  0 records held")
        #expect(ActText.by(Array(1...10)).hasSuffix("7, 8 and 2 more"))
        #expect(
            EraseCommands.outcome(try object(#"{"erased":1200,"acts":[60]}"#))
                == "erased 1,200 payloads  by record 60"
        )
    }

    @Test func matters() throws {
        let matter = try object(
            #"{"matter":"m","released":false,"records":[[3,3],[5,9]],"acts":[40,52],"selections":"#
                + #"[{"selection":{"collection":"ci","prefix":"r/","labels":{"k":"v"}},"#
                + #""before":120,"standing":true}]}"#
        )
        #expect(
            MatterText.lines(matter) == [
                "m  holding", "   records 3, 5-9",
                "   collection ci, prefix r/, label k=v, below record 120 and what arrives later",
                "   placed and changed by records 40, 52",
            ]
        )
        let released = try object(
            #"{"matter":"m","released":true,"records":[],"selections":[],"acts":[1]}"#
        )
        #expect(MatterText.lines(released).first == "m  released")
        let many = (0..<40).map { "[\($0 * 2),\($0 * 2)]" }.joined(separator: ",")
        let ranges = MatterText.ranges(try object(#"{"r":[\#(many)]}"#).values("r"))
        #expect(ranges?.hasSuffix("22 and 28 more ranges") == true)
    }

    @Test func policies() throws {
        let policy = #""policy":{"default":"90d","maximum":"7y","minimum":"1d","mode":"GOVERNANCE""#
        #expect(
            PolicyText.line(try object(#"{"collection":"ci","act":3,\#(policy)}}"#))
                == "ci  GOVERNANCE 90d (1d to 7y)  by record 3"
        )
        #expect(
            PolicyText.line(try object(#"{\#(policy),"event":"closed","sealed":true}}"#))
                == "every other collection  GOVERNANCE 90d (1d to 7y)  from event closed  sealed"
                + "  standard"
        )
    }

    @Test func whatIsDueAndWhatIsNot() throws {
        let lock = #""lock":{"mode":"COMPLIANCE","until":"2033-11-22T00:00:00Z"}"#
        #expect(
            EraseCommands.dueLine(
                try object(
                    #"{"index":41,"collection":"ci","name":"a/b","isDue":true,\#(lock)}"#
                )
            ) == "41  2033-11-22T00:00:00Z  ci  a/b"
        )
        #expect(
            EraseCommands.dueLine(
                try object(
                    #"{"index":41,"collection":"ci","isDue":false,"reason":"Held.",\#(lock)}"#
                )
            ) == "41  2033-11-22T00:00:00Z  ci  -  not due: Held."
        )
    }

    @Test func clocks() throws {
        let settled = ClockText.lines(
            try object(
                #"{"compliance":"2026-11-21T01:00:00.000Z","wall":"2026-11-21T00:59:57.000Z","#
                    + #""differenceSeconds":3,"settled":true,"budgetSeconds":604800}"#
            )
        ).joined(separator: "\n")
        #expect(
            settled.contains("compliance clock 3 s ahead") && settled.contains("budget      7 d ")
        )
        #expect(settled.contains("settled: nothing is blocked"))
        let unsettled = ClockText.lines(
            try object(
                #"{"compliance":"2026-11-21T01:00:00.000Z","settled":false,"budgetSeconds":0,"#
                    + #""pendingResync":{"by":"ann","reason":"off","#
                    + #""at":"2026-11-21T00:00:00.000Z"}}"#
            )
        ).joined(separator: "\n")
        #expect(unsettled.contains("UNSETTLED") && unsettled.contains("asked for by ann"))
        #expect(unsettled.contains("outside of the years 1970 to 9999"))
        #expect(ClockText.difference(-90_000) == "wall clock 1 d 1 h ahead")
        #expect(ClockText.difference(0) == "less than a second")
        for (seconds, text) in [
            (0, "0 s"), (59, "59 s"), (60, "1 min"), (3661, "1 h 1 min"), (86_400, "1 d"),
            (604_799, "6 d 23 h"), (86_430, "1 d"),
        ] as [(UInt64, String)] {
            #expect(ClockText.span(seconds) == text)
        }
    }

    @Test func tokens() throws {
        #expect(
            TokenText.line(
                try object(
                    #"{"name":"ci","role":"retention","rights":["bypass"],"state":"active","#
                        + #""collections":["a","b"],"expires":"2027-01-01T00:00:00.000Z"}"#
                )
            ) == "ci  retention+bypass  active  collections a, b  until 2027-01-01T00:00:00.000Z"
        )
        #expect(
            TokenText.line(
                try object(#"{"name":"ann","role":"admin","state":"revoked","createdBy":"local"}"#)
            ) == "ann  admin  revoked  all collections  by local"
        )
    }

    @Test func theStateOfARecord() throws {
        let state = try object(
            #"{"index":12,"lock":{"mode":"GOVERNANCE","until":"2030-01-01T00:00:00Z"},"#
                + #""holds":["case-7","x/y"],"erased":57,"history":[{"at":"T1","event":"granted","#
                + #""index":12,"lock":{"mode":"GOVERNANCE","until":"2029-01-01T00:00:00Z"}},"#
                + #"{"at":"T2","event":"lock.extended","index":40,"principal":"ann","#
                + #""reason":"audit","lock":{"mode":"GOVERNANCE","#
                + #""until":"2030-01-01T00:00:00Z"}}]}"#
        )
        #expect(
            LockText.lines(state) == [
                "lock        GOVERNANCE until 2030-01-01T00:00:00Z", "holds       case-7, x/y",
                "payload     ERASED by record 57",
                "            'strongroom erase proof 12' has the certificate",
                "history     T1 granted GOVERNANCE until 2029-01-01T00:00:00Z, by record 12",
                "            T2 lock.extended GOVERNANCE until 2030-01-01T00:00:00Z, by record 40 "
                    + "of ann: audit",
            ]
        )
        let plain = LockText.lines(
            try object(
                #"{"index":1,"holds":[],"history":[],"copies":[{"copy":"local","state":"present"},"#
                    + #"{"copy":"frankfurt","state":"pending"},{"copy":"b","state":"gone"},"#
                    + #"{"copy":"c","state":"erased"}]}"#
            )
        )
        #expect(
            plain == [
                "holds       none", "copies      local: there",
                "            frankfurt: not yet there", "            b: no bytes there",
                "            c: erased, bytes still there",
            ]
        )
    }

    @Test func whoDidWhatForAMatter() throws {
        let record = try object(
            #"{"kind":"hold.placed","principal":"ann","reason":"subpoena","received":"T1"}"#
        )
        #expect(
            MatterHistory.text(of: record, 40) == "T1 hold.placed by record 40 of ann: subpoena"
        )
    }

    @Test func searchResultsThatAwaitAnEvent() throws {
        let body =
            #"{"entries":[{"index":3,"collection":"ci","name":"n","lock":{"duration":"7y","#
            + #""event":"closed","mode":"COMPLIANCE"}}],"treeSize":9}"#
        let line = try #require(try SearchReply(Array(body.utf8)).entries.first)
        #expect(line.text == "3  -  n  closed, then 7y")
    }

    /// Each condition of an export is told.
    @Test func selections() throws {
        let digest = SHA256.hash([1, 2, 3].span)
        let all = try ExportSelection(
            collection: CollectionName("c"),
            namePrefix: "p",
            labels: Labels([("k", "v")]),
            payloadDigest: digest,
            since: Timestamp(userInput: "2026-01-01"),
            until: Timestamp(userInput: "2027-01-01"),
            matter: Matter("m")
        )
        #expect(
            Words.selection(all)
                == "held by m, collection c, names that begin 'p', label k=v, "
                + "payload \(digest.hex), since 2026-01-01T00:00:00.000Z, "
                + "before 2027-01-01T00:00:00.000Z"
        )
        #expect(Words.selection(try ExportSelection(payloadDigest: digest)) != "everything")
    }
}
