import EvidenceModel
import Testing
import TransparencyLog

/// Acts that no Strongroom writes are refused by the fold, and leave the state as it was.
@Suite struct ActFaultTests {
    private func ledger() throws -> Ledger {
        var ledger = try Ledger()
        let (admin, matter) = (try Persons.admin(), try Matter("case-1"))
        let past = try Facts.lock(.governance, -oneDay)
        let facts = try (3...9).map { try Facts.record($0, past) }
        try ledger.propose(.erase([facts[0]]), by: .system)
        try ledger.propose(.placeHold(matter, .records(ranges(4)), facts), by: admin)
        let selection = HoldScope.selection(
            try Selection(collection: CollectionName("b")),
            before: RecordIndex(6),
            count: 1,
            digest: Samples.digest(of: ""),
            isStanding: false
        )
        try ledger.propose(.placeHold(matter, selection), by: admin)
        let firm = try Facts.lock(.compliance, oneDay)
        try ledger.write(.lockExtended(records: ranges(20, 21), lock: firm), by: admin.name)
        let waiting = try Facts.awaiting(.governance)
        try ledger.write(.lockExtended(records: ranges(22), lock: waiting), by: admin.name)
        let grant = AccessGrant(name: try PrincipalName("t"), role: .admin)
        try ledger.propose(.createToken(grant), by: .local)
        try ledger.write(.targetAdded(Targets.description("s3")), by: admin.name)
        try ledger.write(.targetAdded(Targets.description("gone")), by: admin.name)
        try ledger.write(.targetRemoved(TargetName("gone")), by: admin.name)
        return ledger
    }

    private func erased(
        _ index: UInt64,
        _ lock: Lock,
        _ ground: PayloadErased.Ground = .expired,
        policy: UInt64? = nil,
        wall: Int64 = 0
    ) throws -> Act {
        let now = try #require(Timestamp(milliseconds: Ledger.start))
        return .payloadErased(
            PayloadErased(
                collection: try CollectionName("a"),
                ground: ground,
                items: [PayloadErased.Item(records: ranges(index), lock: lock, history: [])],
                policy: policy.map { RecordIndex($0) },
                clock: ClockReading(
                    compliance: now,
                    wall: Timestamp(milliseconds: Ledger.start + wall)
                ),
                count: 1,
                digest: Samples.digest(of: "")
            )
        )
    }

    private func census(
        _ before: UInt64,
        _ part: Int,
        _ parts: Int,
        count: UInt64 = 1
    ) throws -> Act {
        let entry = CensusEntry(
            count: try #require(SequenceNumber(count)),
            last: RecordIndex(0)
        )
        return .census(
            before: RecordIndex(before),
            part: part,
            parts: parts,
            collections: [try CollectionName("a"): entry]
        )
    }

    private func cases() throws -> [(Act, says: String)] {
        let (past, soft) = (
            try Facts.lock(.governance, -oneDay), try Facts.lock(.governance, oneDay)
        )
        let (firm, end) = (try Facts.lock(.compliance, oneDay), try EventName("end"))
        let (known, unknown) = (try Matter("case-1"), try Matter("case-2"))
        let token = try PrincipalName("t")
        let selection = HoldScope.selection(
            try Selection(collection: CollectionName("a")),
            before: RecordIndex(5_000),
            count: 1,
            digest: Samples.digest(of: ""),
            isStanding: false
        )
        return try [
            (.lockExtended(records: ranges(3), lock: firm), "record 3 is erased"),
            (.lockExtended(records: ranges(1_009), lock: firm), "do not exist yet"),
            (.lockExtended(records: ranges(9, 20), lock: soft), "on record 20"),
            (.lockExtended(records: ranges(20), lock: past), "on record 20"),
            (.lockExtended(records: ranges(22), lock: firm), "on record 22"),
            (
                .lockExtended(records: ranges(20), lock: try Facts.awaiting(.compliance)),
                "on record 20"
            ),
            (.eventRecorded(end, at: nil, records: ranges(3), lock: firm), "record 3 is erased"),
            (.eventRecorded(end, at: nil, records: ranges(21), lock: firm), "on record 21"),
            (
                .eventRecorded(try EventName("other"), at: nil, records: ranges(22), lock: firm),
                "on record 22"
            ),
            (.lockBypassed(records: ranges(3)), "record 3 is erased"),
            (.lockBypassed(records: ranges(4)), "record 4 is held by case-1"),
            (.lockBypassed(records: ranges(20)), "record 20 is under COMPLIANCE"),
            (.holdPlaced(known, .records(ranges(3))), "record 3 is erased"),
            (.holdPlaced(known, .records(ranges(9_999))), "do not exist yet"),
            (.holdPlaced(known, selection), "do not exist yet"),
            (.holdReleased(unknown, records: nil), "no hold names the matter case-2"),
            (.holdReleased(known, records: ranges(4, 7)), "does not hold record 7"),
            (.holdReleased(known, records: ranges(4, 9_999)), "do not exist yet"),
            (try erased(3, past), "record 3 is erased"), (try erased(4, past), "held by case-1"),
            (try erased(20, past), "the lock of record 20 was"),
            (try erased(20, firm), "record 20 had not expired"),
            (try erased(9, soft), "record 9 had not expired"),
            (try erased(9, past, wall: 2 * oneDay), "not settled"),
            (try erased(9, past, policy: 7), "another policy"),
            (try erased(9, soft, .bypass(RecordIndex(7))), "record 7 does not bypass"),
            (try erased(9, firm, .bypass(RecordIndex(7))), "record 9 was under COMPLIANCE"),
            (.payloadPurged(erasure: RecordIndex(9), copy: "local", count: 1), "erased nothing"),
            (.payloadPurged(erasure: RecordIndex(1_000), copy: "local", count: 2), "1 records"),
            (
                .clockResynced(
                    from: .earliest,
                    to: .latest,
                    by: .persons(with: token, firstReason: try Reason("r"))
                ), "not two persons"
            ),
            (
                .clockResynced(
                    from: .earliest,
                    to: .latest,
                    by: .persons(with: .local, firstReason: try Reason("r"))
                ), "not two persons"
            ),
            (
                .clockResynced(
                    from: .earliest,
                    to: .latest,
                    by: .times(["a", "b"].map { AuthenticatedTimes.make(.timestamp, $0, .latest) })
                ), "only the log itself"
            ),
            (try census(9_999, 1, 1), "do not exist yet"),
            (try census(9, 2, 2), "the first part of its census is missing"),
            (
                .accessChanged(.created(AccessGrant(name: .local, role: .admin))),
                "may be named local"
            ),
            (.accessChanged(.created(AccessGrant(name: token, role: .admin))), "a token t before"),
            (
                .accessChanged(
                    .created(
                        AccessGrant(
                            name: try PrincipalName("u"),
                            role: .writer,
                            rights: [.bypass]
                        )
                    )
                ), "no right to bypass"
            ),
            (.accessChanged(.revoked(try PrincipalName("u"))), "there is no token u"),
        ] + casesOfTargets()
    }

    private func casesOfTargets() throws -> [(Act, says: String)] {
        let (unknown, erasure) = (try TargetName("s4"), RecordIndex(1_000))
        let objects = PurgedObjects([])
        func purge(_ copy: String) -> Act {
            .payloadPurged(erasure: erasure, copy: copy, count: 1, objects: objects)
        }
        return [
            (.targetAdded(try Targets.description("s3", prefix: "x/")), "a target s3 before"),
            (.targetAdded(try Targets.description("gone")), "a target gone before"),
            (.targetAdded(try Targets.description("s4", prefix: "s3/in/")), "of the target s3"),
            (.targetProbed(unknown, Targets.report(.enforced)), "there is no target s4"),
            (.targetProbed(try TargetName("gone"), Targets.report(.enforced)), "no target gone"),
            (.targetPhase(try Targets.change("s4", .local, .dual)), "there is no target s4"),
            (.targetPhase(try Targets.change("s3", .dual, .local)), "was in the phase local"),
            (
                .targetPhase(try Targets.change("s3", .local, .dual, size: 1_010)),
                "do not exist yet"
            ),
            (.targetRemoved(unknown), "there is no target s4"),
            (purge("s3"), "the copy s3 never held what record 1000 erased"),
            (purge("s4"), "the copy s4 never held"), (purge("gone"), "the copy gone never held"),
        ]
    }

    @Test func targetsHaveTheirFaultsInOtherStates() throws {
        var ledger = try ledger()
        let token = try PrincipalName("t")
        for number in 1...7 {
            try ledger.write(.targetAdded(Targets.description("more\(number)")), by: token)
        }
        var fault = #expect(throws: ActFault.self) {
            try ledger.write(.targetAdded(Targets.description("ninth")), by: token)
        }
        #expect(fault?.reason == "there are 8 targets already")
        try ledger.write(.targetPhase(Targets.change("s3", .local, .dual)), by: token)
        try ledger.write(.targetPhase(Targets.change("s3", .dual, .s3Primary)), by: token)
        fault = #expect(throws: ActFault.self) {
            try ledger.write(.targetRemoved(TargetName("s3")), by: token)
        }
        #expect(fault?.reason == "payloads may stand in the target s3 only")
    }

    @Test func eachIsRefusedByItsFault() throws {
        let ledger = try ledger()
        let token = try PrincipalName("t")
        let before = ledger.state
        for (act, says) in try cases() {
            var next = ledger
            let fault = #expect(throws: ActFault.self, "\(says)") {
                try next.write(act, by: token)
            }
            #expect(fault?.reason.contains(says) == true, "\(fault?.reason ?? "") is not \(says)")
            #expect(fault?.description.hasPrefix("record 1009, \(act.kind.rawValue): ") == true)
            #expect(next.state == before && next.state.exported == before.exported)
        }
    }

    @Test func actsThatWereDoneAreNotDoneAgain() throws {
        var ledger = try ledger()
        let (token, matter) = (try PrincipalName("t"), try Matter("case-1"))
        let erasure = RecordIndex(1_000)
        for act in [
            Act.payloadPurged(erasure: erasure, copy: "local", count: 1),
            .accessChanged(.revoked(token)), .holdReleased(matter, records: nil),
            .targetAdded(try Targets.description("new")),
            .targetPhase(try Targets.change("new", .local, .dual)),
            .targetRemoved(try TargetName("new")),
            try census(9, 1, 1), try erased(9, Facts.lock(.governance, -oneDay)), .logClosed,
        ] {
            try ledger.write(act, by: token)
            #expect(throws: ActFault.self, "\(act)") { try ledger.write(act, by: token) }
        }
    }

    @Test func theEndIsTheEnd() throws {
        var ledger = try ledger()
        try ledger.write(.logClosed, by: .anonymous)
        for (act, _) in try cases() {
            let fault = #expect(throws: ActFault.self) { try ledger.write(act, by: .anonymous) }
            #expect(fault?.reason == "the log was closed by record 1009")
        }
    }

    @Test func indexesAscend() throws {
        var ledger = try ledger()
        let act = Act.policySet(try CollectionName("a"), .init(retention: .standard))
        for index in [RecordIndex(1_005), RecordIndex(0), RecordIndex(1 << 53)] {
            ledger.next = index
            #expect(throws: ActFault.self) { try ledger.write(act, by: .anonymous) }
        }
        ledger.next = RecordIndex((1 << 53) - 1)
        try ledger.write(act, by: .anonymous)
    }

    @Test func partsOfACensusFollowEachOther() throws {
        var ledger = try ledger()
        try ledger.write(census(9, 1, 3), by: .strongroom)
        for act in [try census(9, 3, 3), try census(9, 2, 4), try census(8, 2, 3)] {
            #expect(throws: ActFault.self) { try ledger.write(act, by: .strongroom) }
        }
        try ledger.write(census(9, 2, 3), by: .strongroom)
        #expect(ledger.state.lastCensus == nil)
        // What was not finished begins anew.
        try ledger.write(census(10, 1, 2), by: .strongroom)
        #expect(throws: ActFault.self) { try ledger.write(census(9, 3, 3), by: .strongroom) }
        try ledger.write(census(10, 2, 2), by: .strongroom)
        #expect(ledger.state.lastCensus?.before == RecordIndex(10))
        #expect(throws: ActFault.self) { try ledger.write(census(10, 1, 1), by: .strongroom) }
        try ledger.write(census(11, 1, 1, count: 2), by: .strongroom)
        #expect(throws: ActFault.self) { try ledger.write(census(12, 1, 1), by: .strongroom) }
    }

    @Test func anEventMayBeRecordedAgainButNotForLess() throws {
        var ledger = try ledger()
        let end = try EventName("end")
        func record(_ lock: Lock) throws {
            try ledger.write(
                .eventRecorded(end, at: nil, records: ranges(22), lock: lock),
                by: .anonymous
            )
        }
        try record(Facts.lock(.governance, oneDay))
        #expect(throws: ActFault.self) { try record(Facts.lock(.governance, 0)) }
        try record(Facts.lock(.compliance, 2 * oneDay))
        #expect(throws: ActFault.self) { try record(Facts.lock(.governance, 3 * oneDay)) }
    }
}
