/// What a server has seen since it started.
package struct ServerStatistics: Sendable, Equatable {
    package var openConnections = 0
    package var acceptedConnections: UInt64 = 0
    package var requests: UInt64 = 0
    /// Connections closed because a head, body or reply was too slow.
    package var timedOut: UInt64 = 0
    /// Connections closed to make room near the limit.
    package var evicted: UInt64 = 0
    /// Requests that broke HTTP's rules.
    package var violations: UInt64 = 0
    /// Streamed replies that ended early because their source failed.
    package var interruptedReplies: UInt64 = 0

    package init() {}
}
