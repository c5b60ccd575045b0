import Platform

/// Holds threads up until it is opened.
final class Blocker: Sendable {
    private let isOpen = Mutex(false)
    private let opened = Condition()

    func wait() { isOpen.withLock(when: { $0 }, on: opened) { _ in } }

    func open() {
        isOpen.withLock { $0 = true }
        opened.broadcast()
    }
}
