import Attestation
import Cryptography
import EvidenceModel
import EvidenceStore
import HTTPMessage
import Platform
import TransparencyLog

// Asking authorities for time-stamps, and having old ones renewed.

extension ActHandler {
    /// How long a client waits for all authorities together.
    private static let stampSeconds: UInt64 = 60

    private func service() throws(Refused) -> TimeStampService {
        guard let service = request.api.timestamps, !service.configuration.authorities.isEmpty
        else {
            throw Refused(
                .refused,
                "No time-stamping authority is configured: see timestamps.authorities in the "
                    + "server's configuration."
            )
        }
        return service
    }

    /// `POST /v1/timestamps`: the newest checkpoint, now.
    func createTimestamps() throws(Refused) -> Response {
        try noMembers()
        let service = try service()
        let checkpoint = store.checkpoint
        let round = service.stamp(
            checkpoint.note,
            size: checkpoint.size,
            deadlineNanoseconds: Clock.monotonicNanoseconds()
                + Self.stampSeconds * 1_000_000_000
        )
        return .json([
            "failed": Self.failures(round.failed.map { ($0.authority, nil, $0.failure) }),
            "size": .integer(Int64(checkpoint.size.value)),
            "timestamps": .array(round.stamped.map { .object($0.facts.json) }),
        ])
    }

    /// `POST /v1/timestamps/renew`.
    func renewTimestamps() throws(Refused) -> Response {
        let members = try members(["algorithm", "dryRun"])
        var digest: TimeStampDigest?
        if let text = try members.string("algorithm") {
            guard let found = TimeStampDigest(rawValue: text) else {
                throw Refused(.limit, "'algorithm' must be sha256, sha384 or sha512.")
            }
            digest = found
        }
        let isDryRun = try members.bool("dryRun") ?? false
        let service = try service()
        if isDryRun {
            let due = service.due(digest: digest)
            return .json([
                "due": .integer(Int64(due.count)),
                "timestamps": .array(due.prefix(Self.maximumRecords).map { .object($0.json) }),
            ])
        }
        let outcome = try refusing { () throws(StoreError) in try service.renew(digest: digest) }
        return .json([
            "damaged": .array(
                outcome.damaged.map { key in
                    .object([
                        "authority": .string(key.authority),
                        "size": .integer(Int64(key.size.value)),
                    ])
                }
            ),
            "due": .integer(Int64(outcome.due)),
            "failed": Self.failures(outcome.failed.map { ($0.authority, $0.count, $0.failure) }),
            "left": .integer(Int64(outcome.left)),
            "renewed": .integer(Int64(outcome.renewed)),
            "tokens": .integer(Int64(outcome.tokens)),
        ])
    }

    private static func failures(
        _ failed: [(authority: String, count: Int?, failure: TimeStampFailure)]
    ) -> JSONValue {
        .array(
            failed.map { authority, count, failure in
                var object: JSONObject = [
                    "authority": .string(authority), "cause": .string(failure.word),
                    "reason": .string(failure.description),
                ]
                if let count { object["count"] = .integer(Int64(count)) }
                return .object(object)
            }
        )
    }
}
