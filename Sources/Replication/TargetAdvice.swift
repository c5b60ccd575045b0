package import EvidenceModel

extension TargetDescription {
    /// Where it is, for people.
    package var place: String {
        let below = prefix.isEmpty ? "" : ", below \(prefix)"
        return "the bucket \(bucket) at \(endpoint ?? "Amazon S3") (region \(region)\(below))"
    }
}

extension TargetError {
    /// Why the store did not do `what`, and what to do about it.
    ///
    /// `unsuitable` is what no repetition helps against.
    package init(_ failure: StoreFailure, _ target: TargetDescription, doing what: String) {
        switch failure {
        case .invalid(let fault, let detail):
            let advice = Self.advice(fault, target)
            self = .unsuitable("\(target.place): \(fault) (\(detail)); \(advice)")
        case .accessDenied(let detail):
            self = .unsuitable(
                "\(target.place): the credentials may not \(what) (\(detail)); give them the "
                    + "rights of the policy in ops/aws, or use others (\(Self.source(target)))"
            )
        case .locked(let detail), .rejected(let detail), .unsupported(let detail):
            self = .unsuitable(
                "\(target.place): it refused to \(what) (\(detail)); use a store that keeps "
                    + "Object Lock as Amazon S3 does, or find out why it refuses"
            )
        case .transport(.notSent, _):
            self = .store(
                failure,
                while: "trying to \(what) in \(target.place); check the endpoint, and whether "
                    + "this machine can reach it"
            )
        case .preconditionFailed, .conflict, .notFound, .deleteMarker, .throttled, .unavailable,
            .circuitOpen, .corrupt, .transport, .local:
            self = .store(failure, while: "trying to \(what) in \(target.place); try again")
        }
    }

    private static func advice(
        _ fault: StoreFailure.SetupFault,
        _ target: TargetDescription
    ) -> String {
        switch fault {
        case .bucketMissing:
            "check the name and the endpoint, or make the bucket with Object Lock enabled"
        case .wrongRegion(let region?): "name that one with --region \(region)"
        case .wrongRegion(nil): "name its own with --region"
        case .unknownAccessKey: "check the access key, and the endpoint (\(source(target)))"
        case .wrongSecretKey: "check the secret access key (\(source(target)))"
        case .expiredCredentials:
            "renew them, or use some that the server can renew itself (\(source(target)))"
        case .noCredentials: "give the server some (\(source(target)))"
        case .clockSkew: "set the clock of this machine by NTP, or that of the store"
        case .tls:
            "check scheme and port of the endpoint; a certificate of your own authority needs "
                + "replication.caFile in the server's configuration"
        case .encryptionKey:
            "check the key \(target.kmsKey ?? "of the bucket") and that the credentials may use "
                + "it (kms:GenerateDataKey, kms:Decrypt)"
        case .bucketState: "make a bucket with Object Lock enabled, and name that one"
        }
    }

    /// Where the credentials come from.
    private static func source(_ target: TargetDescription) -> String {
        let profile = target.profile.map { "the profile \($0)" } ?? "no profile is named"
        return "they come from the server's environment: \(profile)"
    }
}
