internal import Attestation
internal import Cryptography
internal import EvidenceModel
internal import Platform
internal import TransparencyLog

/// `strongroom timestamp verify`: offline, a token or an evidence record over a checkpoint.
enum TimeStampVerifyCommand {
    static let command = Command(
        specification: CommandSpecification(
            name: "timestamp verify",
            group: .proof,
            summary: "check a time-stamp of a checkpoint, offline",
            operands: [OperandSpecification(name: "FILE", count: .one)],
            options: [
                .value("checkpoint", "NOTE", "the signed checkpoint that it stamps (required)"),
                .repeated("authority-ca", "PEM", "certificates that you trust (required)"),
                .repeated("key", "VKEY", "the log's verifier key; else $STRONGROOM_KEY"),
                .json,
            ],
            about: [
                "",
                "FILE is a token or an evidence record, as 'timestamp get' fetches them. Checks",
                "that it covers the text of NOTE, the signatures, and that each certificate leads",
                "to one of PEM and was valid when the next token was made; the last must be valid",
                "now. With --key it also checks who signed the checkpoint. Ends with 1 at the",
                "first step that fails. Get PEM from the authority, not with the time-stamp.",
            ],
            example: "strongroom timestamp verify 9.tst --checkpoint 9.note --authority-ca ca.pem"
        ),
        run: run
    )

    private static func run(
        _ arguments: ParsedArguments,
        _ console: Console
    ) throws(CommandFailure) -> ExitCode {
        let notePath = try arguments.required("checkpoint")
        guard let anchors = try TimeStamps.anchors(arguments) else {
            throw .usage(
                "--authority-ca is missing, and a time-stamp proves nothing without it",
                advice: "get the authority's certificate from the authority"
            )
        }
        let keys = try TrustedKeys.read(arguments, badKey: .verificationFailed)
        let report = VerificationReport(console: console, isJSON: arguments.flag("json"))
        let text = try checkpoint(notePath, keys, report)
        let record = try record(arguments.operands[0], report)
        let signers: [TimeStampAnchors.Signer]
        do throws(TimeStampRecord.Fault) {
            signers = try record.verify(
                text,
                anchors: anchors,
                at: Clock.wallMilliseconds()
            )
        } catch {
            report.failed("time-stamp", "\(error)")
            throw failure("\(error)")
        }
        for (stamp, signer) in zip(record.chains.joined(), signers) {
            report.passed(
                "time-stamp",
                "\(time(stamp.token.milliseconds)), \(stamp.treeDigest.rawValue), signed by "
                    + "\(signer.subject), whose certificate ends \(time(signer.certificateEnds))"
            )
        }
        report.finished(
            "the checkpoint existed at \(time(record.first.token.milliseconds))"
        )
        return .done
    }

    /// The stamped text of a checkpoint.
    private static func checkpoint(
        _ path: String,
        _ keys: [VerifierKey],
        _ report: VerificationReport
    ) throws(CommandFailure) -> [UInt8] {
        let note = String(decoding: try contents(path), as: UTF8.self)
        do throws(NoteError) {
            guard !keys.isEmpty else {
                let text = try TimeStampEntry.text(of: note)
                report.passed("checkpoint", "not checked who signed it: give --key")
                return text
            }
            let signed = try SignedCheckpoint.open(note, keys: keys)
            let signers = signed.signers.map(\.description).joined(separator: " and ")
            report.passed(
                "checkpoint",
                "\(signed.checkpoint.origin), \(signed.checkpoint.size) records, signed by "
                    + signers
            )
            return Array(signed.checkpoint.text.utf8)
        } catch {
            report.failed("checkpoint", "\(error)")
            throw failure("\(path): \(error)")
        }
    }

    /// A token counts as the record of its own.
    private static func record(
        _ path: String,
        _ report: VerificationReport
    ) throws(CommandFailure) -> TimeStampRecord {
        let bytes = try contents(path)
        if let token = try? TimeStampToken(parsing: bytes) { return TimeStampRecord(first: token) }
        do throws(DERError) {
            return try TimeStampRecord(parsing: bytes)
        } catch {
            report.failed("time-stamp", "\(path) is neither a token nor an evidence record")
            throw failure("\(path) is neither a token nor an evidence record: \(error)")
        }
    }

    private static func contents(_ path: String) throws(CommandFailure) -> [UInt8] {
        do throws(SystemError) {
            return try FileSystem.contents(path, limitBytes: TimeStampRecord.maximumBytes)
        } catch { throw CommandFailure(error) }
    }

    private static func failure(_ reason: String) -> CommandFailure {
        CommandFailure(
            .verificationFailed,
            "not verified: \(reason)",
            advice: "do not rely on this time"
        )
    }

    private static func time(_ milliseconds: Int64) -> String {
        Timestamp(milliseconds: milliseconds)?.rfc3339 ?? "\(milliseconds) ms after 1970"
    }
}
