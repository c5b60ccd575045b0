import Cryptography
import Replication

/// One request of S3's interface, before it is addressed and signed.
struct S3Call {
    /// A name and a value, not encoded.
    typealias Item = (name: String, value: String)

    /// What may happen to the request after a failure that leaves open whether it was served.
    enum Repetition {
        /// Send it again: twice is the same as once.
        case harmless
        /// Look first what the store has.
        case lookedAfter
    }

    let method: String
    /// As it stands in the bucket, the target's prefix included; `nil` is the bucket itself.
    let key: String?
    var query: [Item]
    var fields: [Item] = []
    var body: ObjectBody?
    /// Of the body; `nil` without one.
    var payload: SHA256Digest?
    var repetition = Repetition.harmless
    /// How large a body the reply may have, for the deadline.
    var replyBytes: UInt64 = 0
    /// Instead of the deadline by size.
    var milliseconds: Int?

    init(_ method: String, key: String? = nil, query: [Item] = []) {
        self.method = method
        self.key = key
        self.query = query
    }

    /// Gives the call a body that is small and known.
    mutating func attach(_ document: String) {
        let bytes = Array(document.utf8)
        let digest = SHA256.hash(bytes.span)
        body = .bytes(bytes)
        payload = digest
        fields.append(("content-type", "application/xml"))
        fields.append(("x-amz-checksum-sha256", digest.base64))
        fields.append(("x-amz-sdk-checksum-algorithm", "SHA256"))
        // Older stores know no other checksum of such documents.
        if let digest = MD5Hasher.hash(bytes.span) {
            fields.append(("content-md5", Base64.encode(digest.span)))
        }
    }
}
