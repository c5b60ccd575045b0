import EvidenceModel
import Observability
import Replication
import S3
import Testing
import TransparencyLog

@testable import strongroom

private func description(
    _ change: (inout TargetDescription) -> Void = { _ in }
) throws -> TargetDescription {
    var description = TargetDescription(
        name: try TargetName("copy"),
        bucket: "evidence-copy",
        region: "eu-central-1",
        logRetention: try RetentionDuration(parsing: "10y")
    )
    change(&description)
    return description
}

@Suite struct TargetStoreTests {
    private func detail(_ change: (inout TargetDescription) -> Void) throws -> String {
        let description = try description(change)
        do throws(StoreFailure) {
            _ = try TargetStores.configuration(description, StoreSettings())
            return "taken"
        } catch {
            return "\(error)"
        }
    }

    @Test func aDescriptionBecomesAConfiguration() throws {
        var settings = StoreSettings()
        settings.retry.attempts = 7
        settings.breaker.faultLimit = 9
        settings.deadlines.attemptMilliseconds = 1234
        settings.connections = 11
        settings.authorityFile = "/etc/ca.pem"
        settings.contentMD5 = .sent
        let amazon = try TargetStores.configuration(try description(), settings)
        #expect("\(amazon.endpoint)" == "https://s3.eu-central-1.amazonaws.com")
        #expect(amazon.addressing == .virtualHost)
        #expect(amazon.retry.attempts == 7 && amazon.breaker.faultLimit == 9)
        #expect(amazon.deadlines.attemptMilliseconds == 1234 && amazon.connections == 11)
        #expect(amazon.authorityFile == "/etc/ca.pem" && amazon.contentMD5 == .sent)
        let own = try TargetStores.configuration(
            try description {
                $0.endpoint = "http://127.0.0.1:8333"
                $0.isPathStyle = true
                $0.prefix = "logs/a/"
                $0.kmsKey = "alias/evidence"
            },
            settings
        )
        #expect("\(own.endpoint)" == "http://127.0.0.1:8333" && own.addressing == .path)
        #expect(own.prefix.text == "logs/a/" && own.encryptionKey == "alias/evidence")
    }

    @Test func whatIsNoAddressIsSaid() throws {
        #expect(try detail { $0.endpoint = "ftp://x" }.contains("no endpoint"))
        #expect(try detail { $0.endpoint = "http://x/y" }.contains("no endpoint"))
        #expect(try detail { $0.region = "eu central" }.contains("no region"))
        #expect(try detail { $0.prefix = "/a/" }.contains("no prefix"))
        #expect(try detail { _ in } == "taken")
    }

    @Test func deletingNeedsAProfileOfItsOwn() throws {
        let open = TargetStores.opener(StoreSettings())
        _ = try open(try description(), .writing)
        _ = try open(try description { $0.retentionProfile = "retention" }, .deleting)
        #expect(throws: StoreFailure.self) { try open(try description(), .deleting) }
    }

    @Test func theRegionComesFromTheEnvironment() {
        #expect(TargetStores.standardRegion { _ in nil } == "us-east-1")
        #expect(TargetStores.standardRegion { $0 == "AWS_REGION" ? "a" : "b" } == "a")
        #expect(TargetStores.standardRegion { $0 == "AWS_DEFAULT_REGION" ? "b" : "" } == "b")
    }
}

@Suite struct TargetEventTests {
    @Test func everyEventIsALineThatNamesItsTarget() throws {
        let name = try TargetName("copy")
        let report = ProbeReport(
            findings: [.deleteLocked: .ignored, .lockTold: .enforced],
            hasConditions: true,
            hasChecksums: true,
            detail: "it answered 204"
        )
        for (event, level, word) in [
            (TargetEvent.failed(name, "no route"), EventLog.Level.warning, "target.failing"),
            (.recovered(name), .info, "target.running"),
            (.fenced(name, "another node"), .error, "target.fenced"),
            (.notCompliant(name, report), .error, "target.not-compliant"),
        ] {
            #expect(event.level == level && "\(event.name)" == word)
            guard case .text("copy")? = event.fields.first?.value else {
                Issue.record("\(word) does not begin with the target")
                continue
            }
        }
        #expect(report.unenforced.hasPrefix("delete-held unknown, delete-locked ignored, "))
        #expect(!report.unenforced.contains("lock-told"))
    }
}
