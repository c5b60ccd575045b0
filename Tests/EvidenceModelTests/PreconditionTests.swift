import Cryptography
import EvidenceModel
import Testing

/// Errors of the programmer end the process; no bad data leads there.
@Suite struct PreconditionTests {
    @Test func aDraftNeedsTheOpeningOfItsDescription() async {
        await #expect(processExitsWith: .failure) {
            let other = EvidenceDescription(
                name: try EvidenceName("other"),
                payloadDigest: Samples.digest(of: ""),
                payloadSize: 0
            )
            _ = EvidenceDraft(
                collection: try CollectionName("a"),
                form: .sealed(other, try Samples.opening())
            )
        }
    }

    @Test func aSaltHas32Bytes() async {
        await #expect(processExitsWith: .failure) {
            _ = SealedOpening(salt: [1], evidence: try Samples.openDescription())
        }
    }

    @Test func integersStayBelowTwoToThe53() async {
        await #expect(processExitsWith: .failure) {
            _ = CanonicalJSON.encode(.integer(JSONValue.maximumInteger + 1))
        }
        await #expect(processExitsWith: .failure) {
            _ = EvidenceDescription(
                name: try EvidenceName("n"),
                payloadDigest: Samples.digest(of: ""),
                payloadSize: 1 << 53
            )
        }
        await #expect(processExitsWith: .failure) {
            _ = SequenceNumber((1 << 53) - 1)?.next
        }
    }

    @Test func anInstantWithMillisecondsHasNoFormInSeconds() async {
        await #expect(processExitsWith: .failure) {
            _ = try Samples.time("2026-11-21T01:02:03.456Z").rfc3339Seconds
        }
    }
}
