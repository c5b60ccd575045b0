internal import CLinux
internal import Glibc

/// An operating-system thread with a name.
///
/// `@unchecked Sendable`: `join` is for one caller; the handle itself is a number.
package final class Thread: @unchecked Sendable {
    private let handle: pthread_t

    /// How much of the processor a thread gets when there is not enough.
    package enum Priority: Sendable {
        case normal
        /// Work that may wait: niceness 10 for this thread alone.
        case background
    }

    /// Starts a thread.
    ///
    /// `name`: at most 15 bytes, as `ps -L` shows it.
    package init(
        name: String,
        priority: Priority = .normal,
        _ body: @escaping @Sendable () -> Void
    ) {
        let start = unsafe Unmanaged.passRetained(Start(name: name, priority: priority, body: body))
        var created = pthread_t()
        let status = unsafe pthread_create(
            &created,
            nil,
            { context in
                // The only owner of `Start`: passed retained above, released here.
                guard let context = unsafe context else { return nil }
                let start = unsafe Unmanaged<Start>.fromOpaque(context).takeRetainedValue()
                start.run()
                return nil
            },
            start.toOpaque()
        )
        precondition(status == 0, "pthread_create failed: \(status)")
        handle = created
    }

    /// Waits for the thread's end.
    ///
    /// Call it once.
    package func join() { _ = pthread_join(handle, nil) }

    private final class Start: Sendable {
        let name: String
        let priority: Priority
        let body: @Sendable () -> Void

        init(name: String, priority: Priority, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.priority = priority
            self.body = body
        }

        func run() {
            unsafe _ = linux_prctl_set_name(name)
            if priority == .background {
                // On Linux PRIO_PROCESS with 0 means the calling thread (setpriority(2)).
                _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
            }
            body()
        }
    }
}
