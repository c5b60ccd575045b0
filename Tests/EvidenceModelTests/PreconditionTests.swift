import EvidenceModel
import Testing

/// Errors of the programmer end the process; no bad data leads there.
///
/// What a body needs is made with `try?`: if that failed, it would return, and the test with it.
@Suite struct PreconditionTests {
    @Test func aDraftNeedsTheOpeningOfItsDescription() async {
        await #expect(processExitsWith: .failure) {
            guard let name = try? EvidenceName("other"), let opening = try? Samples.opening(),
                let collection = try? CollectionName("a")
            else { return }
            let other = EvidenceDescription(
                name: name,
                payloadDigest: Samples.digest(of: ""),
                payloadSize: 0
            )
            _ = EvidenceDraft(collection: collection, form: .sealed(other, opening))
        }
    }

    @Test func aSaltHas32Bytes() async {
        await #expect(processExitsWith: .failure) {
            guard let evidence = try? Samples.openDescription() else { return }
            _ = SealedOpening(salt: [1], evidence: evidence)
        }
    }

    @Test func integersStayBelowTwoToThe53() async {
        await #expect(processExitsWith: .failure) {
            _ = CanonicalJSON.encode(.integer(JSONValue.maximumInteger + 1))
        }
        await #expect(processExitsWith: .failure) {
            guard let name = try? EvidenceName("n") else { return }
            _ = EvidenceDescription(
                name: name,
                payloadDigest: Samples.digest(of: ""),
                payloadSize: 1 << 53
            )
        }
        await #expect(processExitsWith: .failure) { _ = SequenceNumber((1 << 53) - 1)?.next }
    }

    @Test func anInstantWithMillisecondsHasNoFormInSeconds() async {
        await #expect(processExitsWith: .failure) {
            _ = Timestamp(milliseconds: 1)?.rfc3339Seconds
        }
    }

    @Test func anObjectLiteralHasEachNameOnce() async {
        await #expect(processExitsWith: .failure) {
            _ = ["a": .null, "a": .null] as JSONObject
        }
    }
}
