import CurlClient
import EvidenceModel
import Platform
package import Replication
import SigV4

/// A bucket with Object Lock, over S3's HTTP interface.
///
/// Every request is signed with the hash of its body, and no request asks to bypass governance.
/// Attempts, waits and deadlines are those of the configuration. Thread-safe; calls block.
///
/// Reference: Amazon S3 API Reference.
package final class S3Client: ObjectStore {
    package let configuration: S3Configuration
    let surroundings: Surroundings
    private let credentials: CredentialCache
    private let pool: ConnectionPool
    private let health: Mutex<Health>

    private struct Health {
        var breaker: CircuitBreaker
        var statistics = StoreStatistics()
    }

    package init(
        _ configuration: S3Configuration,
        credentials: CredentialCache,
        surroundings: Surroundings = .machine
    ) {
        self.configuration = configuration
        self.credentials = credentials
        self.surroundings = surroundings
        pool = ConnectionPool(configuration)
        health = Mutex(Health(breaker: CircuitBreaker(configuration.breaker)))
    }

    package var statistics: StoreStatistics {
        health.withLock { health in
            var statistics = health.statistics
            statistics.circuit = health.breaker.circuit
            statistics.circuitOpenings = health.breaker.openings
            return statistics
        }
    }

    /// Where a key of the target stands in the bucket.
    func path(_ key: ObjectKey) -> String { configuration.prefix.text + key.text }

    // MARK: Attempts

    /// Sends a call whose repetition is harmless, until it has an answer or the attempts are spent.
    func perform(
        _ call: S3Call,
        receive: ((Span<UInt8>) throws -> Void)? = nil
    ) throws(StoreFailure) -> ClientResponse {
        var isBegun = false
        let counting: ((Span<UInt8>) throws -> Void)? = receive.map { receive in
            { bytes in
                isBegun = true
                try receive(bytes)
            }
        }
        return try repeating { _ throws(StoreFailure) in
            do throws(StoreFailure) {
                return .done(try attempt(call, receive: counting))
            } catch {
                // What has been received cannot be taken back.
                return error.isPassing && !isBegun ? .again(error) : .failed(error)
            }
        }
    }

    /// How an attempt ended, and whether there is sense in another.
    enum Step<Value> {
        case done(Value)
        case again(StoreFailure)
        case failed(StoreFailure)
    }

    /// Runs `attempt` with the number of the attempt, from 0, until it is done or the attempts are
    /// spent; waits in between.
    func repeating<Value>(
        _ attempt: (_ number: Int) throws(StoreFailure) -> Step<Value>
    ) throws(StoreFailure) -> Value {
        var schedule = RetrySchedule(configuration.retry)
        var number = 0
        var last: StoreFailure?
        while true {
            switch try attempt(number) {
            case .done(let value): return value
            // The fault that opened the circuit says more than that it is open.
            case .failed(.circuitOpen(let milliseconds)):
                throw last ?? .circuitOpen(retryAfterMilliseconds: milliseconds)
            case .failed(let failure): throw failure
            case .again(let failure):
                guard let milliseconds = schedule.next(chance: surroundings.chance()) else {
                    throw failure
                }
                last = failure
                surroundings.sleep(milliseconds)
                health.withLock { $0.statistics.repetitions += 1 }
            }
            number += 1
        }
    }

    /// Sends a call once; credentials that have run out are renewed once.
    func attempt(
        _ call: S3Call,
        receive: ((Span<UInt8>) throws -> Void)? = nil
    ) throws(StoreFailure) -> ClientResponse {
        let held = try credentials.current()
        do throws(StoreFailure) {
            return try attempt(call, with: held, receive: receive)
        } catch {
            guard case .invalid(.expiredCredentials, _) = error,
                credentials.discard(held)
            else { throw error }
            return try attempt(call, with: try credentials.current(), receive: receive)
        }
    }

    private func attempt(
        _ call: S3Call,
        with held: HeldCredentials,
        receive: ((Span<UInt8>) throws -> Void)?
    ) throws(StoreFailure) -> ClientResponse {
        let now = surroundings.monotonicNanoseconds()
        let ticket: CircuitBreaker.Ticket
        switch health.withLock({ $0.breaker.admit(atNanoseconds: now) }) {
        case .admitted(let given): ticket = given
        case .refused(let milliseconds):
            throw .circuitOpen(retryAfterMilliseconds: milliseconds)
        }
        do throws(StoreFailure) {
            let response = try pool.withConnection { connection throws(StoreFailure) in
                try send(call, with: held, over: connection, receive: receive)
            }
            finish(ticket, .sound)
            return response
        } catch {
            finish(ticket, error.outcome)
            throw error
        }
    }

    private func finish(_ ticket: CircuitBreaker.Ticket, _ outcome: CircuitBreaker.Outcome) {
        let now = surroundings.monotonicNanoseconds()
        health.withLock { health in
            health.breaker.finish(ticket, outcome, atNanoseconds: now)
            if outcome == .fault { health.statistics.faults += 1 }
        }
    }

    // MARK: One request

    private func send(
        _ call: S3Call,
        with held: HeldCredentials,
        over connection: S3Connection,
        receive: ((Span<UInt8>) throws -> Void)?
    ) throws(StoreFailure) -> ClientResponse {
        let signing = try address(call)
        let wall = surroundings.wallMilliseconds()
        guard let time = SigningTime(secondsSince1970: wall / 1_000) else {
            throw .invalid(.clockSkew, detail: "the clock of this machine is not in 1970 to 9999")
        }
        let added = connection.fields(
            signing: signing,
            with: held,
            region: configuration.region,
            at: time
        )
        let query = signing.encodedQuery
        let host = "\(configuration.endpoint.scheme.rawValue)://\(host)"
        var request = ClientRequest(
            method: call.method,
            url: host + signing.encodedPath + (query.isEmpty ? "" : "?\(query)"),
            fields: call.fields.map { ($0.name, $0.value) }
                + added.map { ($0.name, $0.value) },
            body: try (call.body ?? .bytes([])).clientBody(isAbsent: call.body == nil)
        )
        let bodyBytes = (call.body?.sizeBytes ?? 0) + call.replyBytes
        let deadlines = configuration.deadlines
        if receive == nil {
            request.timeoutMilliseconds =
                call.milliseconds ?? deadlines.totalMilliseconds(bodyBytes: bodyBytes)
        }
        request.silenceMilliseconds =
            call.milliseconds ?? deadlines.silenceMilliseconds(bodyBytes: bodyBytes)
        request.repetition = call.repetition == .harmless ? .allowed : .refused
        count(request: call)
        let response: ClientResponse
        do throws(CurlError) {
            response = try connection.client.perform(request, receive: paced(receive))
        } catch {
            throw StoreFailure(error, callbackError: connection.client.callbackError)
        }
        health.withLock { $0.statistics.receivedBytes += UInt64(response.body.count) }
        guard (200..<300).contains(response.status) else {
            throw refusal(response, signedAt: time)
        }
        return response
    }

    /// Counts what is received, and ends what drips more slowly than the deadlines allow: only
    /// behind its first bytes is it known how much a transfer carries.
    private func paced(
        _ receive: ((Span<UInt8>) throws -> Void)?
    ) -> ((Span<UInt8>) throws -> Void)? {
        guard let receive else { return nil }
        let start = surroundings.monotonicNanoseconds()
        var receivedBytes: UInt64 = 0
        return { bytes in
            receivedBytes += UInt64(bytes.count)
            self.health.withLock { $0.statistics.receivedBytes += UInt64(bytes.count) }
            let now = self.surroundings.monotonicNanoseconds()
            let most = self.configuration.deadlines.totalMilliseconds(bodyBytes: receivedBytes)
            guard (now - start) / 1_000_000 <= UInt64(most) else { throw TooSlow() }
            try receive(bytes)
        }
    }

    /// The host that requests go to, with its port.
    private var host: String {
        switch configuration.addressing {
        case .virtualHost: "\(configuration.bucket).\(configuration.endpoint.host)"
        case .path: configuration.endpoint.host
        }
    }

    private func address(_ call: S3Call) throws(StoreFailure) -> SigningRequest {
        let key = call.key.map { "/\($0)" }
        let path =
            switch configuration.addressing {
            case .virtualHost: key ?? "/"
            case .path: "/\(configuration.bucket)" + (key ?? "")
            }
        do {
            return try SigningRequest(
                method: call.method,
                host: host,
                path: path,
                query: call.query.map { SigningRequest.Item($0.name, $0.value) },
                fields: call.fields.map { SigningRequest.Item($0.name, $0.value) },
                payload: call.payload.map { .signed($0) } ?? .empty
            )
        } catch {
            throw .rejected(detail: "\(error)")
        }
    }

    private func count(request call: S3Call) {
        health.withLock { health in
            health.statistics.requests += 1
            health.statistics.sentBytes += call.body?.sizeBytes ?? 0
        }
    }

    /// What a reply means that is no success.
    private func refusal(_ response: ClientResponse, signedAt time: SigningTime) -> StoreFailure {
        let failure = ErrorReply(response).failure
        if response.fields["x-amz-delete-marker"] == "true" { return .deleteMarker }
        guard case .invalid(.clockSkew, let detail) = failure else { return failure }
        let theirs = response.fields["date"].map { ", the store's \(excerpt($0))" } ?? ""
        return .invalid(
            .clockSkew,
            detail: "\(detail); the clock of this machine says \(time.text)\(theirs)"
        )
    }
}
