import EvidenceModel
import Platform
import Replication
import Testing

@testable import S3

/// The lock probe on real stores: both enforce all rules.
@Suite(.rigs, .tags(.network)) struct StoreProbeTests {
    @Test(arguments: Rig.all) func theRulesAreKept(rig: Rig) throws {
        let client = try rig.client()
        let report = try LockProbe(client, deleting: client).run()
        #expect(report.isCompliant, "\(report)")
        #expect(report.hasConditions == rig.hasConditions, "\(report)")
        #expect(report.hasChecksums == rig.keepsChecksums, "\(report)")
        let rest = try client.listVersions(prefix: "", depth: .all, after: nil, limit: 100)
        #expect(rest.entries.isEmpty, "left behind: \(rest.entries.map(\.name))")
    }
}
