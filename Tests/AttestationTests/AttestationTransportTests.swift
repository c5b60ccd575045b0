import Attestation
import Testing

@Suite struct AttestationTransportTests {
    @Test func aSilenceSaysWhy() {
        #expect("\(AttestationSilence("connection refused"))" == "connection refused")
    }
}
