internal import CMicroHTTPD
internal import HTTPMessage
internal import Synchronization

/// A client's connection and the request that is on it.
///
/// The library calls, always on the worker's thread: `requestLine`, then `advance` when the head is
/// complete, for each piece of the body, when the request is complete and after each resumption; at
/// last `requestEnded`.
///
/// A reply that is not there when the exchange's `finish` returns suspends the connection. `reply`
/// decides races: whoever finds it `suspended` (the reply, or a stop that gives up) resumes.
///
/// `@unchecked Sendable`: what several threads touch is atomic, or under the worker's lock where it
/// says so; `makeReply` is written before `reply` becomes `ready` with releasing order, and read
/// after that was seen with acquiring order; the rest belongs to the worker's thread.
@safe final class Connection: ResponseSink, @unchecked Sendable {
    private enum Reply {
        static let none: UInt8 = 0
        static let awaited: UInt8 = 1
        static let suspended: UInt8 = 2
        static let ready: UInt8 = 3
        static let aborted: UInt8 = 4
    }

    private enum Stage {
        case between
        case head(Result<RequestTarget, ProtocolViolation>)
        case body(any Exchange)
        /// Refused; the rest of the body is read and dropped, up to a bound.
        case discarding(Response, leftBytes: UInt64)
        case waiting
        case replying
    }

    let handle: OpaquePointer
    let descriptor: Int32
    private let worker: Worker
    private let remoteAddress: String

    // Shared.
    private let activityWord: Atomic<UInt64>
    private let pieceBytesWord = Atomic<Int>(0)
    private let served = Atomic<Bool>(false)
    private let reply = Atomic<UInt8>(Reply.none)
    private var makeReply: (@Sendable () -> Response)?

    // Under the worker's lock.
    var slot = 0
    var window: RateWindow?
    private(set) var isKicked = false

    // The worker's thread.
    private var stage = Stage.between
    private var targetAddresses: Range<UInt> = 0..<0
    /// A reply was sent before the body was read: what the client still sends is read after it.
    private(set) var repliedEarly = false

    init(handle: OpaquePointer, worker: Worker) {
        unsafe self.handle = unsafe handle
        self.worker = worker
        descriptor = unsafe mhd_connection_descriptor(handle)
        remoteAddress = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { text in
            guard let base = text.baseAddress else { return "" }
            unsafe mhd_client_address(handle, base, text.count)
            return unsafe String(cString: base)
        }
        activityWord = Atomic(
            Activity(.fresh, sinceMilliseconds: worker.context.nowMilliseconds).rawValue
        )
    }

    // MARK: What other threads see

    var activity: Activity { Activity(rawValue: activityWord.load(ordering: .relaxed)) }

    /// Bytes of the body that have come, or of the reply's piece that is being sent.
    var pieceBytes: Int { pieceBytesWord.load(ordering: .relaxed) }

    /// Whether a request was answered on this connection.
    var hasServed: Bool { served.load(ordering: .relaxed) }

    /// Breaks the connection off, under the worker's lock, which keeps the descriptor ours.
    func kick() {
        isKicked = true
        net_shutdown(descriptor)
    }

    /// Gives up a reply that is awaited.
    func abortReply() {
        let (aborted, _) = reply.compareExchange(
            expected: Reply.suspended,
            desired: Reply.aborted,
            ordering: .acquiringAndReleasing
        )
        if aborted { worker.resume(self) }
    }

    func accept(_ make: @escaping @Sendable () -> Response) {
        makeReply = make
        let before = reply.exchange(Reply.ready, ordering: .acquiringAndReleasing)
        precondition(
            before != Reply.none && before != Reply.ready,
            "an exchange has one reply"
        )
        if before == Reply.suspended { worker.resume(self) }
    }

    // MARK: The request, step by step

    /// The request line has come.
    func requestLine(target: UnsafePointer<CChar>?) {
        guard let target = unsafe target else {
            stage = .head(.failure(.target(.form)))
            return
        }
        enter(.head)
        targetAddresses = unsafe addresses(of: target)
        stage = unsafe .head(parseTarget(target, configuration: worker.context.configuration))
        unsafe mhd_hide_query(target)
    }

    /// Goes on with what has come; false closes the connection.
    func advance(
        _ line: RequestLineText,
        upload: UnsafePointer<CChar>?,
        size: UnsafeMutablePointer<Int>
    ) -> Bool {
        switch stage {
        case .head(let target):
            return unsafe headComplete(target, line)
        case .body(let exchange):
            guard unsafe size.pointee > 0, let upload = unsafe upload else {
                return finish(exchange)
            }
            let bytes = unsafe UnsafeBufferPointer(
                start: UnsafeRawPointer(upload).assumingMemoryBound(to: UInt8.self),
                count: size.pointee
            )
            unsafe size.pointee = 0
            return unsafe receive(bytes.span, exchange)
        case .discarding(let response, let left):
            let count = unsafe UInt64(size.pointee)
            guard count > 0 else { return send(response) }
            unsafe size.pointee = 0
            guard count <= left else { return false }
            pieceBytesWord.add(Int(count), ordering: .relaxed)
            stage = .discarding(response, leftBytes: left - count)
            return true
        case .waiting:
            return sendMadeReply()
        case .between, .replying:
            return false
        }
    }

    /// The request is over: answered, broken off or refused.
    func requestEnded() {
        if case .body(let exchange) = stage { exchange.abandon() }
        if case .replying = stage { served.store(true, ordering: .relaxed) }
        stage = .between
        enter(.idle)
    }

    private func headComplete(
        _ target: Result<RequestTarget, ProtocolViolation>,
        _ line: RequestLineText
    ) -> Bool {
        let context = worker.context
        context.requests.increment()
        let head: RequestHead
        do {
            head = try unsafe readHead(
                of: handle,
                line: line,
                target: target,
                targetAddresses: targetAddresses,
                remoteAddress: remoteAddress,
                maximumBytes: context.configuration.maximumHeadBytes
            )
        } catch {
            context.violations.increment()
            repliedEarly = true
            return send(context.application.response(to: error))
        }
        let exchange = context.application.exchange(for: head)
        guard let refusal = exchange.begin() else {
            pieceBytesWord.store(0, ordering: .relaxed)
            enter(.body)
            stage = .body(exchange)
            return true
        }
        if !head.hasBody
            || (head.contentLength ?? .max) <= ServerConfiguration.smallRefusedBodyBytes
                && head.fields.count(of: "expect") == 0
        {
            discardRest(refusal)
            return true
        }
        repliedEarly = true
        return send(refusal)
    }

    private func receive(_ bytes: Span<UInt8>, _ exchange: any Exchange) -> Bool {
        let refusal = exchange.receive(bytes)
        pieceBytesWord.add(bytes.count, ordering: .relaxed)
        guard let refusal else { return true }
        exchange.abandon()
        discardRest(refusal)
        return true
    }

    /// The library cannot reply in mid-body: read on to its end, then send the refusal.
    private func discardRest(_ refusal: Response) {
        let limit = worker.context.configuration.maximumDiscardBytes
        stage = .discarding(refusal, leftBytes: limit)
        enter(.body)
    }

    private func finish(_ exchange: any Exchange) -> Bool {
        reply.store(Reply.awaited, ordering: .relaxed)
        stage = .waiting
        enter(.working)
        exchange.finish(Responder(sink: self))
        if reply.load(ordering: .acquiring) == Reply.ready { return sendMadeReply() }
        unsafe MHD_suspend_connection(handle)
        let (suspended, _) = reply.compareExchange(
            expected: Reply.awaited,
            desired: Reply.suspended,
            ordering: .acquiringAndReleasing
        )
        // The reply came in between: nobody else will resume.
        if !suspended { worker.resume(self) }
        return true
    }

    /// Makes the reply and sends it; false, which closes the connection, if it was given up.
    private func sendMadeReply() -> Bool {
        guard reply.load(ordering: .acquiring) == Reply.ready, let makeReply else { return false }
        self.makeReply = nil
        return send(makeReply())
    }

    private func send(_ response: Response) -> Bool {
        let context = worker.context
        var response = response
        if context.isDraining.load(ordering: .relaxed) {
            response.fields.append("Connection", "close")
        }
        stage = .replying
        replyProgress(pieceBytes: Int(clamping: response.bodyLengthBytes))
        return unsafe queueReply(response, on: handle, connection: self)
    }

    /// A piece of the reply goes out.
    func replyProgress(pieceBytes: Int) {
        pieceBytesWord.store(pieceBytes, ordering: .relaxed)
        enter(.replying)
    }

    /// A streamed reply ends early.
    func replyInterrupted() { worker.context.interruptedReplies.increment() }

    private func enter(_ phase: Phase) {
        let activity = Activity(phase, sinceMilliseconds: worker.context.nowMilliseconds)
        activityWord.store(activity.rawValue, ordering: .relaxed)
    }
}
