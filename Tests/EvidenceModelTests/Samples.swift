import Cryptography
import EvidenceModel
import Testing
import TransparencyLog

/// Valid parts that the tests build on.
enum Samples {
    static func digest(of text: String) -> SHA256Digest { SHA256.hash(text.utf8.span) }

    static func time(_ text: String) throws -> Timestamp { try Timestamp(userInput: text) }

    static func openDescription() throws -> EvidenceDescription {
        EvidenceDescription(
            name: try EvidenceName("sprint6/metrics.json"),
            mediaType: try MediaType("application/json"),
            labels: try Labels([("sprint", "6"), ("branch", "main")]),
            payloadDigest: digest(of: "payload"),
            payloadSize: 1234,
            idempotencyKey: try IdempotencyKey("build-17/metrics"),
            submitter: try Submitter("pipeline:payments-ci"),
            traceparent: try Traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        )
    }

    static func lock() throws -> Lock {
        try #require(Lock(mode: .compliance, until: time("2033-11-22")))
    }

    static func openRecord() throws -> Record {
        .evidence(
            OpenEvidence(
                collection: try CollectionName("payments"),
                description: try openDescription(),
                lock: try lock(),
                received: try time("2026-11-21T01:02:03.456Z"),
                sequence: try #require(SequenceNumber(41))
            )
        )
    }

    static func opening() throws -> SealedOpening {
        SealedOpening(salt: [UInt8](0..<32), evidence: try openDescription())
    }

    static func sealedRecord() throws -> Record {
        .sealedEvidence(
            SealedEvidence(
                collection: try CollectionName("payments"),
                commitment: try opening().commitment,
                lock: try lock(),
                received: try time("2026-11-21T01:02:03.456Z"),
                sequence: try #require(SequenceNumber(41))
            )
        )
    }

    static func signer(
        _ name: String = "log.example/payments",
        seed: UInt8 = 7
    ) throws -> NoteSigner {
        let key = try #require(Ed25519PrivateKey(seed: [UInt8](repeating: seed, count: 32)))
        return try NoteSigner(name: name, privateKey: key)
    }

    static func logCreated() throws -> Record {
        .logCreated(
            try LogCreation(
                origin: "log.example/payments",
                founders: ["Zoë Example", "bob"],
                segmentHeight: 16,
                verifierKeys: [try signer().verifierKey],
                received: try time("2026-11-21T00:00:00Z")
            )
        )
    }
}
