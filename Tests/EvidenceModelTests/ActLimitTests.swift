import EvidenceModel
import Testing
import TransparencyLog

/// Acts of every kind at their largest fit into a record; what is larger ends the process before it
/// can be written.
@Suite struct ActLimitTests {
    private static let latest: UInt64 = (1 << 53) - 1

    /// As many ranges as there may be, with the longest numbers.
    private func widest() throws -> IndexRanges {
        var ranges: [ClosedRange<UInt64>] = []
        for place in (0..<UInt64(IndexRanges.maximumRangeCount)).reversed() {
            ranges.append((Self.latest - place * 5 - 1)...(Self.latest - place * 5))
        }
        return try #require(IndexRanges(ranges: ranges))
    }

    private func longest<Value>(
        _ count: Int,
        of character: Character = "z",
        _ make: (String) throws(LimitViolation) -> Value
    ) throws -> Value {
        try make(String(repeating: character, count: count))
    }

    private func acts() throws -> [Act] {
        let (records, index) = (try widest(), RecordIndex(Self.latest))
        let event = try longest(63, EventName.init)
        let lock = Lock(
            mode: .compliance,
            awaiting: event,
            then: try RetentionDuration(parsing: "315576000000s")
        )
        let dated = try #require(Lock(mode: .compliance, until: Lock.withoutEnd))
        let reason = try longest(1_024, of: "\"", Reason.init)
        let pairs = (0..<32).map { number in
            (key: "\(number + 10)" + String(repeating: "k", count: 62), value: quotes(256))
        }
        let selection = try Selection(
            collection: longest(63, CollectionName.init),
            namePrefix: quotes(1_024),
            labels: Labels(pairs)
        )
        let grant = AccessGrant(
            name: try longest(63, PrincipalName.init),
            role: .retention,
            rights: [.bypass],
            collections: Set(try names(AccessGrant.maximumCollectionCount)),
            expires: .latest
        )
        let entry = CensusEntry(
            count: try #require(SequenceNumber(Self.latest)),
            last: RecordIndex(Self.latest - 1)
        )
        let entries = try names(Act.maximumCensusEntryCount).map { ($0, entry) }
        let matter = try longest(128, Matter.init)
        let scope = HoldScope.selection(
            selection,
            before: index,
            count: Self.latest,
            digest: Samples.digest(of: ""),
            isStanding: true
        )
        return [
            .lockExtended(records: records, lock: lock), .lockBypassed(records: records),
            .eventRecorded(event, at: .latest, records: records, lock: dated),
            .holdPlaced(matter, .records(records)), .holdPlaced(matter, scope),
            .holdReleased(matter, records: records), .accessChanged(.created(grant)),
            .census(
                before: index,
                part: 999_999_999,
                parts: 1_000_000_000,
                collections: Dictionary(entries) { first, _ in first }
            ),
            .clockResynced(
                from: .earliest,
                to: .latest,
                by: .persons(with: grant.name, firstReason: reason)
            ),
            .clockResynced(
                from: .earliest,
                to: .latest,
                by: .times(
                    (0..<AuthenticatedTime.neededCount).map { number in
                        AuthenticatedTime(
                            kind: .timestamp,
                            source: String(repeating: "\"", count: 255) + "\(number)",
                            size: TreeSize(index.value),
                            time: .latest,
                            evidence: [UInt8](
                                repeating: UInt8(0xF0 + number),
                                count: AuthenticatedTime.maximumEvidenceSizeBytes
                            )
                        )
                    }
                )
            ),
            try erased(lock, records), .targetAdded(try target()),
            .targetProbed(
                try longest(32, TargetName.init),
                Targets.report(.enforced, quotes(ProbeReport.maximumDetailSizeBytes))
            ),
            try purged(),
        ]
    }

    private func target() throws -> TargetDescription {
        var description = TargetDescription(
            name: try longest(32, TargetName.init),
            bucket: String(repeating: "b", count: 63),
            region: String(repeating: "r", count: 64),
            logRetention: try RetentionDuration(parsing: "3153600000s")
        )
        let text = quotes(TargetDescription.maximumTextSizeBytes)
        description.endpoint = "https://" + String(repeating: "h", count: 248)
        description.prefix = quotes(TargetDescription.maximumTextSizeBytes - 1) + "/"
        description.isPathStyle = true
        (description.kmsKey, description.profile) = (text, text)
        description.retentionProfile = text
        return description
    }

    /// As many names as there may be, as long as they may be, of characters that take two each.
    private func purged() throws -> Act {
        let sizeBytes = PurgedObjects.maximumNamesSizeBytes / PurgedObjects.maximumNamedCount
        let objects = PurgedObjects(
            (0..<PurgedObjects.maximumNamedCount).map { number in
                (key: "\(number + 10)" + quotes(sizeBytes - 4), version: "\"")
            }
        )
        #expect(objects.versions.count == PurgedObjects.maximumNamedCount)
        return .payloadPurged(
            erasure: RecordIndex(Self.latest),
            copy: try longest(32, TargetName.init).text,
            count: Self.latest,
            objects: objects
        )
    }

    private func quotes(_ count: Int) -> String { String(repeating: "\"", count: count) }

    private func names(_ count: Int) throws -> [CollectionName] {
        try (0..<count).map { number in
            let suffix = "\(number)"
            return try CollectionName(
                String(repeating: "c", count: 63 - suffix.utf8.count) + suffix
            )
        }
    }

    /// Items of one range and a long history, up to the limit.
    private func erased(_ lock: Lock, _ records: IndexRanges) throws -> Act {
        let history = (0..<256).map { RecordIndex(Self.latest - 256 + UInt64($0)) }
        let items = records.ranges.prefix(13).map { range in
            PayloadErased.Item(
                records: IndexRanges(ranges: [range]) ?? .none,
                lock: lock,
                history: history
            )
        }
        return .payloadErased(
            PayloadErased(
                collection: try CollectionName(String(repeating: "z", count: 63)),
                ground: .bypass(RecordIndex(Self.latest)),
                items: items,
                policy: RecordIndex(Self.latest),
                clock: ClockReading(compliance: .latest, wall: .latest),
                count: items.reduce(0) { $0 + $1.records.count },
                digest: Samples.digest(of: "")
            )
        )
    }

    @Test func theLargestActsFit() throws {
        let reason = try longest(1_024, of: "\"", Reason.init)
        let principal = try longest(63, PrincipalName.init)
        var sizes: [RecordKind: Int] = [:]
        for act in try acts() {
            let record = ActRecord(
                act: act,
                principal: principal,
                reason: reason,
                received: .latest
            )
            let bytes = record.encoded
            #expect(bytes.count <= Record.maximumSizeBytes, "\(act.kind)")
            #expect(try parsedRecord(bytes) == .act(record))
            sizes[act.kind] = max(sizes[act.kind] ?? 0, bytes.count)
        }
        // They are large indeed.
        for kind in [
            RecordKind.lockExtended, .eventRecorded, .holdPlaced, .payloadErased, .census,
            .payloadPurged,
        ] {
            #expect(sizes[kind] ?? 0 > 50_000, "\(kind) \(sizes[kind] ?? 0)")
        }
    }

    @Test func actsBeyondTheirLimitsAreErrorsOfTheProgrammer() async {
        await #expect(processExitsWith: .failure) {
            _ = ActRecord(
                act: .lockBypassed(records: .none),
                principal: .anonymous,
                reason: nil,
                received: .earliest
            )
        }
        await #expect(processExitsWith: .failure) {
            _ = ActRecord(
                act: .lockBypassed(
                    records: IndexRanges((0..<1_501).map { RecordIndex(UInt64($0 * 2)) })
                ),
                principal: .anonymous,
                reason: nil,
                received: .earliest
            )
        }
        await #expect(processExitsWith: .failure) {
            _ = ActRecord(
                act: .payloadPurged(erasure: RecordIndex(1), copy: "s3", count: 1),
                principal: .strongroom,
                reason: nil,
                received: .earliest
            )
        }
        await #expect(processExitsWith: .failure) {
            _ = ActRecord(
                act: .accessDigest(count: 0, head: Samples.digest(of: ""), day: "yesterday"),
                principal: .strongroom,
                reason: nil,
                received: .earliest
            )
        }
    }
}

/// What is refused says so in words: each of them its own, and with what a person needs.
@Suite struct RefusalTests {
    @Test func refusalsNameRuleAndState() throws {
        let (lock, time) = (try Facts.lock(.compliance, oneDay), Timestamp.earliest)
        let (ada, matter) = (try PrincipalName("ada"), try Matter("case-1"))
        let (index, clock) = (RecordIndex(77), ClockReading(compliance: time, wall: nil))
        let (event, target) = (try EventName("end"), try TargetName("s3"))
        let refusals: [(Refusal, String)] = [
            (
                .notPermitted(ada, .placeHold, collection: try CollectionName("pay")),
                "place holds in"
            ),
            (.notPermitted(ada, .closeLog, collection: nil), "ada may not close the log"),
            (.needsTokens(.bypass), "make tokens first"), (.onlyTheLogItself(ada), "ada"),
            (.tokenRevoked(ada, by: index), "77"), (.tokenExpired(ada, time), "1970"),
            (.reasonMissing, "reason"), (.logClosed(index), "77"),
            (.clockUnsettled(clock), "outside the years"), (.erasureUnfinished(index), "77"),
            (.noRecords, "no record"), (.notEvidence(index), "77"),
            (.erased(certificate: index), "77"), (.locked(lock, at: time), "2030-01-02T00:00:00Z"),
            (.held([matter]), "case-1"), (.complianceLocked(lock), "nobody"),
            (.lockExpired(lock), "nothing to bypass"),
            (.lockInPast(until: time, now: time, current: lock), "future"),
            (.lockShorter(until: time, current: lock), "never shortened"),
            (.lockWeaker(.governance, current: lock), "never weakened"),
            (.lockTooLong(until: time, maximum: RetentionPolicy.standard.maximum), "100y"),
            (.lockBeyondCalendar, "9999"), (.dateBeforeEvent(current: lock), "mode"),
            (.notAwaiting(event, current: lock), "the event end"),
            (.matterUnknown(matter), "case-1"),
            (.matterReleased(matter, by: index), "77"),
            (.matterReleased(matter, by: nil), "released"),
            (.notHeld(matter), "does not hold"),
            (.selectionAhead(before: index, next: index), "77"),
            (.tokenExists(ada), "never given again"), (.tokenUnknown(ada), "no token ada"),
            (.tokenNameReserved(.local), "local"), (.tokenExpiryPast(time, now: time), "future"),
            (.tokenBeyondScope(ada), "own collections"), (.tokenCollections(maximum: 256), "256"),
            (.firstTokenNotAdmin, "admin"), (.roleWithoutBypass(.writer), "writer"),
            (.clockNotBehind(clock), "never goes back"),
            (.samePerson(first: ada, second: ada), "two persons"),
            (.targetExists(target), "was a target s3"), (.targetUnknown(target), "no target s3"),
            (.tooManyTargets(maximum: 8), "8 targets"), (.targetPlaceTaken(by: target), "among"),
            (.targetInPhase(target, .dual), "phase dual"),
            (.phaseNotNext(from: .dual, to: .dual), "local or s3-primary, not to dual"),
            (.targetHoldsPayloads(target), "s3 only"),
            (.comparisonAhead(size: TreeSize(78), next: index), "78 is beyond 77"),
            (.copyOwesNothing(copy: "s3", erasure: index), "77 erased"),
            (.nothingErased(by: index), "77"), (.purgedBefore(copy: "s3"), "s3"),
            (.reportOutOfOrder("it does not follow"), "follow"),
            (.malformed("x must be"), "x must"),
        ]
        for (refusal, words) in refusals {
            #expect(refusal.description.contains(words), "\(refusal.description)")
        }
        #expect(Set(refusals.map(\.0.description)).count == refusals.count)
        let dated = refusals.filter { $0.0.lockedUntil != nil }
        #expect(dated.allSatisfy { $0.0.lockedUntil == lock.until } && dated.count == 6)
        #expect(refusals.compactMap(\.0.certificate) == [index])
    }
}
