import Cryptography
import EvidenceModel
package import EvidenceStore
import Platform
package import TransparencyLog

/// Has checkpoints of the log stamped by authorities of time, on a schedule and when asked.
///
/// What is stamped is a checkpoint's text, so that the token depends on no key. A token is verified
/// before it is stored, and stored with the signed note before anybody sees it. Nothing here is in
/// the way of an append: an authority that is silent shows in metrics and in the server's log.
package final class TimeStampService: Sendable {
    struct State {
        var facts: [TimeStampKey: TimeStampFacts] = [:]
        /// The keys of `facts`, ascending.
        var order: [TimeStampKey] = []
        var statuses: [String: TimeStampStatus] = [:]
        var isStopping = false
    }

    let log: EvidenceStore
    package let configuration: TimeStampConfiguration
    let store: TimeStampStore?
    let wall: @Sendable () -> Int64
    let report: @Sendable (TimeStampEvent) -> Void
    let state: Mutex<State>
    /// Held while time-stamps are renewed: one renewal at a time.
    let renewing = Mutex(())
    private let transport: any AttestationTransport
    private let stopping = Condition()
    private let thread = Mutex<Thread?>(nil)

    /// An authority's time may be so far from the wall clock.
    private static let toleranceMilliseconds: Int64 = 86_400_000

    /// Opens what is kept; asks nobody before `start`.
    ///
    /// `wall`: milliseconds since 1970. `report`: called on the thread that asked.
    package init(
        log: EvidenceStore,
        configuration: TimeStampConfiguration,
        transport: any AttestationTransport,
        wall: @escaping @Sendable () -> Int64 = { Clock.wallMilliseconds() },
        report: @escaping @Sendable (TimeStampEvent) -> Void = { _ in }
    ) throws(StoreError) {
        self.log = log
        self.configuration = configuration
        self.transport = transport
        self.wall = wall
        self.report = report
        let isThere: Bool
        do throws(SystemError) {
            isThere = try FileSystem.exists(log.paths.timestampsFile)
        } catch { throw .system(error) }
        store =
            isThere || !configuration.authorities.isEmpty
            ? try TimeStampStore(log.paths) : nil
        var initial = State()
        for authority in configuration.authorities {
            initial.statuses[authority.name] = TimeStampStatus(
                authority: authority.name,
                url: authority.url
            )
        }
        try store?.readAll { Self.insert($0.facts, into: &initial) }
        state = Mutex(initial)
    }

    // MARK: Life

    /// Begins to ask on a schedule.
    package func start() {
        guard !configuration.authorities.isEmpty else { return }
        thread.withLock { thread in
            thread = Thread(name: "timestamps", priority: .background) { [self] in keepStamping() }
        }
    }

    /// Nobody more is asked from now on; what is asked at this moment is waited for.
    package func beginClosing() {
        state.withLock { $0.isStopping = true }
        stopping.broadcast()
    }

    /// Ends the schedule, after what is asked at this moment, and closes the file.
    package func stop() {
        beginClosing()
        let running = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        running?.join()
        store?.close()
    }

    var isStopping: Bool { state.withLock { $0.isStopping } }

    private func keepStamping() {
        var schedule = TimeStampSchedule(
            configuration.authorities.map(\.name),
            everySeconds: configuration.everySeconds
        )
        let started = Clock.monotonicNanoseconds()
        for status in statuses() {
            let age = status.newest.map { max(0, wall() - $0.milliseconds) }
            schedule.begin(status.authority, ageMilliseconds: age, now: started)
        }
        while !isStopping {
            for authority in configuration.authorities
            where schedule.isDue(authority.name, now: Clock.monotonicNanoseconds()) {
                let outcome = stampIfGrown(authority)
                schedule.note(authority.name, outcome, now: Clock.monotonicNanoseconds())
                if isStopping { return }
            }
            if schedule.isRenewalDue(now: Clock.monotonicNanoseconds()) {
                let isDone = renewOnSchedule()
                schedule.noteRenewal(done: isDone, now: Clock.monotonicNanoseconds())
            }
            state.withLock(
                when: { $0.isStopping },
                on: stopping,
                deadlineNanoseconds: schedule.nextNanoseconds
            ) { _ in }
        }
    }

    private func stampIfGrown(_ authority: TimeStampAuthority) -> TimeStampSchedule.Outcome {
        let newest = log.checkpoint
        let stamped = state.withLock { $0.statuses[authority.name]?.newest?.size } ?? .zero
        guard newest.size > stamped else { return .notGrown }
        do throws(TimeStampFailure) {
            _ = try stamp(
                newest.note,
                newest.size,
                by: authority,
                milliseconds: configuration.requestMilliseconds
            )
            return .stamped
        } catch { return .failed }
    }

    // MARK: Stamping

    /// What a round of questions came to.
    package struct Round: Sendable {
        package var stamped: [TimeStampEntry] = []
        package var failed: [(authority: String, failure: TimeStampFailure)] = []
    }

    /// Has a checkpoint stamped by every authority that has not done so yet.
    ///
    /// `note`: a signed note of the log, of a tree of `size`.
    /// Blocks until all have answered or the deadline has passed.
    package func stamp(
        _ note: String,
        size: TreeSize,
        deadlineNanoseconds: UInt64
    ) -> Round {
        var round = Round()
        for authority in configuration.authorities {
            do throws(TimeStampFailure) {
                let key = TimeStampKey(size: size, authority: authority.name)
                if let known = try entry(orFailure: key) {
                    round.stamped.append(known)
                    continue
                }
                let now = Clock.monotonicNanoseconds()
                let left = deadlineNanoseconds > now ? (deadlineNanoseconds - now) / 1_000_000 : 0
                guard !isStopping else { throw .silent("the server is stopping") }
                guard left > 0 else { throw .silent("there was no time left to ask it") }
                let limit = min(left, UInt64(configuration.requestMilliseconds))
                round.stamped.append(
                    try stamp(note, size, by: authority, milliseconds: Int(limit))
                )
            } catch {
                round.failed.append((authority.name, error))
            }
        }
        return round
    }

    private func entry(orFailure key: TimeStampKey) throws(TimeStampFailure) -> TimeStampEntry? {
        do throws(StoreError) { return try entry(key) } catch { throw .store(error) }
    }

    private func stamp(
        _ note: String,
        _ size: TreeSize,
        by authority: TimeStampAuthority,
        milliseconds: Int
    ) throws(TimeStampFailure) -> TimeStampEntry {
        do throws(TimeStampFailure) {
            let answer = try ask(authority, over: note, milliseconds: milliseconds)
            let entry = TimeStampEntry(
                key: TimeStampKey(size: size, authority: authority.name),
                note: note,
                record: TimeStampRecord(first: answer.token),
                ends: answer.signer.chainEnds,
                subject: answer.signer.subject
            )
            try keep([entry])
            noteOutcome(authority.name, nil)
            report(.stamped(entry.facts))
            return entry
        } catch {
            noteOutcome(authority.name, error)
            report(.failed(authority: authority.name, error))
            throw error
        }
    }

    /// Stores entries, and then lets them be seen.
    func keep(_ entries: [TimeStampEntry]) throws(TimeStampFailure) {
        guard let store else { preconditionFailure("there is a store where there is an authority") }
        do throws(StoreError) { try store.put(entries) } catch { throw .store(error) }
        state.withLock { state in
            for entry in entries { Self.insert(entry.facts, into: &state) }
        }
    }

    func noteOutcome(_ authority: String, _ failure: TimeStampFailure?) {
        state.withLock { state in
            if let failure {
                state.statuses[authority]?.failures += 1
                state.statuses[authority]?.failing = failure.description
            } else {
                state.statuses[authority]?.stamps += 1
                state.statuses[authority]?.failing = nil
            }
        }
    }

    /// It answered, and nothing was stored.
    func noteAnswer(_ authority: String) {
        state.withLock { $0.statuses[authority]?.failing = nil }
    }

    /// Asks an authority for a token over a note's text, and verifies it.
    func ask(
        _ authority: TimeStampAuthority,
        over note: String,
        milliseconds: Int
    ) throws(TimeStampFailure) -> (token: TimeStampToken, signer: TimeStampAnchors.Signer) {
        let text: [UInt8]
        do throws(NoteError) {
            text = try TimeStampEntry.text(of: note)
        } catch { preconditionFailure("the log's own note cannot be read: \(error)") }
        let digest = TimeStampDigest.sha256
        return try ask(authority, digest, digest.hash(text), milliseconds: milliseconds)
    }

    /// Asks an authority for a token over an imprint, and verifies it.
    func ask(
        _ authority: TimeStampAuthority,
        _ digest: TimeStampDigest,
        _ imprint: [UInt8],
        milliseconds: Int
    ) throws(TimeStampFailure) -> (token: TimeStampToken, signer: TimeStampAnchors.Signer) {
        let nonce = Random.bytes(count: 8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let request = TimeStampRequest(digest: digest, imprint: imprint, nonce: nonce)
        let response: AttestationResponse
        do throws(AttestationSilence) {
            response = try transport.post(
                request.encoded,
                mediaType: TimeStampRequest.mediaType,
                to: authority.url,
                deadlineMilliseconds: milliseconds
            )
        } catch { throw .silent(error.description) }
        guard response.status == 200 else { throw .status(response.status) }
        let token: TimeStampToken
        do throws(TimeStampError) {
            token = try request.token(inResponse: response.body)
        } catch { throw .invalid(error) }
        // An authority that is a day off stamps a time that nobody should rely on; and a key that
        // was stolen after its certificate's end may claim any time before.
        let difference = token.milliseconds - wall()
        guard abs(difference) <= Self.toleranceMilliseconds else {
            throw .clocks(difference / 1000)
        }
        do throws(TimeStampError) {
            return (token, try authority.anchors.verify(token, at: token.milliseconds))
        } catch { throw .invalid(error) }
    }

    // MARK: Reading

    /// Time-stamps of trees below a size, newest first.
    ///
    /// As many as `limit` says, and what else is of the same tree as the last of them.
    package func list(below size: TreeSize?, limit: Int) -> [TimeStampFacts] {
        state.withLock { state in
            var found: [TimeStampFacts] = []
            for key in state.order.reversed() {
                if let size, key.size >= size { continue }
                if found.count >= limit, found.last?.key.size != key.size { break }
                if let facts = state.facts[key] { found.append(facts) }
            }
            return found
        }
    }

    /// How many time-stamps are kept.
    package var count: Int { state.withLock { $0.order.count } }

    /// When the first certificate that a newest token leans on ends, in milliseconds since 1970.
    package var firstEnd: Int64? { state.withLock { $0.facts.values.map(\.ends).min() } }

    /// A time-stamp; nil if there is none.
    ///
    /// - Throws: `damaged`.
    package func entry(_ key: TimeStampKey) throws(StoreError) -> TimeStampEntry? {
        try store?.entry(key)
    }

    /// How the authorities stand, in the order of the configuration.
    package func statuses() -> [TimeStampStatus] {
        state.withLock { state in
            configuration.authorities.compactMap { state.statuses[$0.name] }
        }
    }

    private static func insert(_ facts: TimeStampFacts, into state: inout State) {
        if state.facts.updateValue(facts, forKey: facts.key) == nil {
            let place = state.order.lastIndex { $0 < facts.key }.map { $0 + 1 } ?? 0
            state.order.insert(facts.key, at: place)
        }
        if let newest = state.statuses[facts.key.authority]?.newest, newest.size > facts.key.size {
            return
        }
        state.statuses[facts.key.authority]?.newest = (facts.key.size, facts.milliseconds)
    }
}
