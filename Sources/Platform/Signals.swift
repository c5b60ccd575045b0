internal import Glibc

/// Signals taken by a thread that waits for them, instead of by handlers that interrupt whatever
/// runs.
///
/// Reference: sigwait(3), pthread_sigmask(3).
package enum Signals {
    /// A request to end that reached this process.
    package enum Termination: Sendable {
        /// SIGTERM, as a service manager sends it.
        case terminate
        /// SIGINT, as Ctrl-C sends it.
        case interrupt
    }

    /// Keeps SIGTERM and SIGINT from ending the process; they wait for `waitForTermination`.
    ///
    /// Call it in the main thread before any other starts: threads inherit the mask.
    package static func holdTermination() {
        var set = terminationSet()
        let status = unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        precondition(status == 0, "pthread_sigmask failed: \(status)")
    }

    /// Waits for SIGTERM or SIGINT, one that came since `holdTermination` included.
    package static func waitForTermination() -> Termination {
        var set = terminationSet()
        var number: Int32 = 0
        var status: Int32
        repeat { status = unsafe sigwait(&set, &number) } while status == EINTR
        precondition(status == 0, "sigwait failed: \(status)")
        return number == SIGINT ? .interrupt : .terminate
    }

    /// Sends this process a SIGTERM: wakes `waitForTermination` from another thread.
    package static func raiseTermination() {
        _ = kill(getpid(), SIGTERM)
    }

    /// Lets SIGTERM and SIGINT end the process again, as before `holdTermination`.
    package static func releaseTermination() {
        var set = terminationSet()
        unsafe _ = pthread_sigmask(SIG_UNBLOCK, &set, nil)
    }

    /// Makes a write to a closed pipe or socket an error (EPIPE) instead of the process's end.
    package static func ignoreBrokenPipes() {
        _ = signal(SIGPIPE, SIG_IGN)
    }

    private static func terminationSet() -> sigset_t {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        unsafe sigaddset(&set, SIGTERM)
        unsafe sigaddset(&set, SIGINT)
        return set
    }
}
