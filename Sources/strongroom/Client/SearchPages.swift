internal import EvidenceModel

/// Asks for the pages of a search, one after the other.
struct SearchPages {
    let connection: APIConnection
    let base: RequestPath
    /// At most so many results; nil: all.
    let limit: Int?
    /// Only records before this one.
    var before: UInt64?

    /// The server gives no more in a page.
    private static let pageLimit = 1000

    /// Calls `body` with each page.
    ///
    /// A page without entries may still have a cursor: the server looks at so much at once.
    func each(
        _ body: (SearchReply) throws(CommandFailure) -> Void
    ) throws(CommandFailure) {
        var cursor = before.map { String($0) }
        var found = 0
        repeat {
            var path = base
            let rest = limit.map { $0 - found } ?? Self.pageLimit
            path.add("limit", String(min(Self.pageLimit, rest)))
            path.add("cursor", cursor)
            let reply = try connection.get(path, what: "search")
            let page = try SearchReply(reply.body)
            try body(page)
            found += page.entries.count
            cursor = page.nextCursor
            if let limit, found >= limit { break }
        } while cursor != nil
    }
}
