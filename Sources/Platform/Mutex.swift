internal import Glibc

/// State that one thread at a time may use.
///
/// A pthread mutex: `Synchronization.Mutex` gives false positives under ThreadSanitizer on Linux.
///
/// `@unchecked Sendable`: the state is touched only between lock and unlock.
@safe package final class Mutex<State>: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private var state: State

    package init(_ state: sending State) {
        unsafe mutex = .allocate(capacity: 1)
        let status = unsafe pthread_mutex_init(mutex, nil)
        precondition(status == 0, "pthread_mutex_init failed: \(status)")
        self.state = state
    }

    deinit {
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    /// Runs `body` with the state, alone.
    package func withLock<Result, Failure: Error>(
        _ body: (inout State) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return try body(&state)
    }

    /// Runs `body` with the state, alone, as soon as `condition` holds; `signal` wakes the wait.
    ///
    /// `deadlineNanoseconds`: on the monotonic clock; after it `body` runs anyway.
    package func withLock<Result, Failure: Error>(
        when condition: (State) -> Bool,
        on signal: Condition,
        deadlineNanoseconds: UInt64? = nil,
        _ body: (inout State) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while !condition(state) {
            guard unsafe signal.wait(mutex, deadlineNanoseconds: deadlineNanoseconds) else { break }
        }
        return try body(&state)
    }
}

/// A condition variable on the monotonic clock, used with a `Mutex`.
///
/// `@unchecked Sendable`: a pthread condition may be used from any thread.
@safe package final class Condition: @unchecked Sendable {
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    package init() {
        unsafe condition = .allocate(capacity: 1)
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        let status = unsafe pthread_cond_init(condition, &attributes)
        precondition(status == 0, "pthread_cond_init failed: \(status)")
        unsafe pthread_condattr_destroy(&attributes)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe condition.deallocate()
    }

    /// Wakes one waiting thread.
    package func signal() { unsafe pthread_cond_signal(condition) }

    /// Wakes every waiting thread.
    package func broadcast() { unsafe pthread_cond_broadcast(condition) }

    /// Waits; false once the deadline has passed.
    fileprivate func wait(
        _ mutex: UnsafeMutablePointer<pthread_mutex_t>,
        deadlineNanoseconds: UInt64?
    ) -> Bool {
        guard let deadlineNanoseconds else {
            unsafe pthread_cond_wait(condition, mutex)
            return true
        }
        var deadline = timespec(
            tv_sec: Int(deadlineNanoseconds / 1_000_000_000),
            tv_nsec: Int(deadlineNanoseconds % 1_000_000_000)
        )
        return unsafe pthread_cond_timedwait(condition, mutex, &deadline) != ETIMEDOUT
    }
}
