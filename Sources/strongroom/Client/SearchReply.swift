struct SearchReply {
    let entries: [EvidenceLine] = []
    let nextCursor: String? = nil
    init(_ body: [UInt8]) throws(CommandFailure) {}
}
