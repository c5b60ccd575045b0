/// Why a store did not do what it was asked, named by what the caller can do about it.
///
/// The details are for people: what the store said, without secrets.
package enum StoreFailure: Error, Hashable, Sendable {
    /// A lock or a legal hold forbids it, as the version's own state shows.
    case locked(detail: String)
    /// The condition of the request does not hold: another object is there, or none.
    case preconditionFailed
    /// Somebody else is changing the same thing; try again, or begin a multipart upload anew.
    case conflict(detail: String)
    /// No such object, version or upload.
    case notFound
    /// The key's newest version, or the version that was named, is a delete marker.
    case deleteMarker
    /// These credentials may not do it. Of a refused deletion whose lock cannot be read, too.
    case accessDenied(detail: String)
    /// The store asks for fewer requests.
    case throttled(detail: String)
    /// The store has a fault (5xx) or ran out of time. It may have done what was asked.
    case unavailable(detail: String)
    /// Too many failures in a row: nothing is sent for so long.
    case circuitOpen(retryAfterMilliseconds: UInt64)
    /// Something is set up wrong; no repetition helps.
    case invalid(SetupFault, detail: String)
    /// The store finds fault with the request itself.
    case rejected(detail: String)
    /// The store cannot do this at all.
    case unsupported(detail: String)
    /// Bytes or a reply are not what they must be.
    case corrupt(detail: String)
    /// There is no reply.
    case transport(Delivery, detail: String)
    /// The file to be sent cannot be read, or what receives the bytes failed.
    case local(detail: String)

    package enum SetupFault: Hashable, Sendable {
        case bucketMissing
        /// The bucket's own region, where the store tells it.
        case wrongRegion(String?)
        case unknownAccessKey
        /// The signature is not what the store computes: the secret key is another.
        case wrongSecretKey
        case expiredCredentials
        /// None could be found, or what should give them failed.
        case noCredentials
        /// The clocks of this machine and the store differ by too much.
        case clockSkew
        case tls
        case encryptionKey
        case bucketState
    }

    package enum Delivery: Hashable, Sendable {
        /// The store has not seen the request.
        case notSent
        /// The store may have acted on it.
        case unknown
    }
}

extension StoreFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .locked(let detail): "refused, because it is locked: \(detail)"
        case .preconditionFailed: "refused, because another object is there than was expected"
        case .conflict(let detail): "refused, because of another request: \(detail)"
        case .notFound: "there is no such object"
        case .deleteMarker: "a delete marker stands where an object was expected"
        case .accessDenied(let detail): "access denied: \(detail)"
        case .throttled(let detail): "the store asks for fewer requests: \(detail)"
        case .unavailable(let detail): "the store is unavailable: \(detail)"
        case .circuitOpen(let milliseconds):
            "the store failed repeatedly; the next try is in \((milliseconds + 999) / 1_000) s"
        case .invalid(let fault, let detail): "\(fault): \(detail)"
        case .rejected(let detail): "the store refused the request: \(detail)"
        case .unsupported(let detail): "the store cannot do this: \(detail)"
        case .corrupt(let detail): "not what it must be: \(detail)"
        case .transport(.notSent, let detail): "the store cannot be reached: \(detail)"
        case .transport(.unknown, let detail): "there was no reply: \(detail)"
        case .local(let detail): detail
        }
    }
}

extension StoreFailure.SetupFault: CustomStringConvertible {
    package var description: String {
        switch self {
        case .bucketMissing: "there is no such bucket"
        case .wrongRegion(let region?): "the bucket is in the region \(region)"
        case .wrongRegion(nil): "the bucket is in another region"
        case .unknownAccessKey: "the store does not know the access key"
        case .wrongSecretKey: "the secret access key is not that of the access key"
        case .expiredCredentials: "the credentials have expired or are no longer valid"
        case .noCredentials: "there are no credentials"
        case .clockSkew: "the clocks of this machine and of the store differ by too much"
        case .tls: "there is no secure connection to the store"
        case .encryptionKey: "the store cannot use the encryption key"
        case .bucketState: "the bucket is not set up for this"
        }
    }
}
