internal import Cryptography
internal import EvidenceBundle
internal import Platform
internal import TransparencyLog

/// `strongroom verify BUNDLE.tar`.
struct BundleRun {
    let keys: [VerifierKey]
    let policy: TlogPolicy?
    /// Certificates of time-stamping authorities; nil: only what they stamp is compared.
    var anchors: TimeStampAnchors?
    let console: Console
    let isJSON: Bool

    /// Whether a file is a tar archive, by its magic; not if it cannot be read.
    ///
    /// Reference: POSIX.1-2017, pax, "ustar Interchange Format".
    static func isArchive(_ path: String) -> Bool {
        let magic = try? File(path, .read).read(count: 5, at: 257)
        return magic?.elementsEqual("ustar".utf8) ?? false
    }

    func run(_ path: String) throws(CommandFailure) -> ExitCode {
        let sizeBytes: UInt64?
        do throws(SystemError) {
            sizeBytes = try FileSystem.information(path)?.sizeBytes
        } catch { throw CommandFailure(error) }
        let progress = Progress(console, totalBytes: sizeBytes)
        let finding = BundleVerification.verify(
            path,
            keys: keys,
            policy: policy,
            anchors: anchors
        ) { bytes in
            progress.add(bytes: bytes)
        }
        let report = VerificationReport(console: console, isJSON: isJSON)
        for step in finding.steps { report.passed(step.name, step.compared) }
        guard finding.faults.isEmpty else {
            for fault in finding.faults { report.failed("bundle", "\(fault)") }
            throw CommandFailure(
                .verificationFailed,
                "not verified: \(path) is not as it was exported",
                advice: "do not rely on this evidence"
            )
        }
        report.finished(
            "\(path) holds \(Amount.count(Int(finding.evidence), "piece")) of evidence, unchanged "
                + "and complete as its export says"
        )
        return .done
    }
}
