internal import Cryptography
internal import EvidenceModel
internal import Observability
internal import Platform
internal import TransparencyLog

/// `strongroom verify`: offline, from the payload to the signature.
enum VerifyCommand {
    static let command = Command(
        specification: CommandSpecification(
            name: "verify",
            group: .proof,
            summary: "check a file and its receipt, offline",
            operands: [OperandSpecification(name: "FILE", count: .optional)],
            options: [
                .value("receipt", "R", "the receipt: JSON or tlog-proof text (required)"),
                .repeated("key", "VKEY", "verifier key or a file of keys; else $STRONGROOM_KEY"),
                .json,
            ],
            about: [
                "",
                "Checks without any server that FILE is what the log holds: payload, opening",
                "(of a sealed record), record, leaf, inclusion, signature; prints what each step",
                "compared. Without FILE the payload is left out. Ends with 1 at the first step",
                "that fails, and names it. The key pins log and signer: get it from someone you",
                "trust, not with the receipt. Any of several keys may have signed.",
            ],
            example: "strongroom verify report.xml --receipt r.json --key log.vkey"
        ),
        run: run
    )

    private static func run(
        _ arguments: ParsedArguments,
        _ console: Console
    )
        throws(CommandFailure) -> ExitCode
    {
        guard let receiptPath = arguments.value("receipt") else {
            throw .usage("--receipt is missing", advice: "see 'strongroom verify --help'")
        }
        let report = VerificationReport(console: console, isJSON: arguments.flag("json"))
        let keys = try TrustedKeys.read(arguments, badKey: .verificationFailed)
        guard !keys.isEmpty else {
            throw .usage(
                "no key is given, and a receipt proves nothing without one",
                advice: "add --key with the log's verifier key, or set STRONGROOM_KEY"
            )
        }
        let receipt = try readReceipt(receiptPath, report)
        let payload = try arguments.operands.first.map { (path) throws(CommandFailure) in
            try PayloadDigest.ofFile(path)
        }
        do throws(VerificationFailure) {
            let steps = try ReceiptVerification.verify(
                receipt,
                payload: payload.map { ($0.digest, $0.sizeBytes) },
                keys: keys
            )
            for step in steps { report.passed(name(of: step.name), step.compared) }
        } catch {
            report.failed(
                name(of: error.step),
                "expected \(error.expected), found \(error.found)"
            )
            throw CommandFailure(
                .verificationFailed,
                "not verified: the step '\(name(of: error.step))' failed",
                advice: "do not rely on this evidence"
            )
        }
        let what = arguments.operands.first.map { "\($0) is" } ?? "this is"
        report.finished("\(what) record \(receipt.index) of the log, unchanged")
        return .done
    }

    /// The steps' names on the command line: the last one is about the signature.
    private static func name(of step: VerificationStep) -> String {
        step == .checkpoint ? "signature" : step.rawValue
    }

    private static func readReceipt(
        _ path: String,
        _ report: VerificationReport
    )
        throws(CommandFailure) -> Receipt
    {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try FileSystem.contents(path, limitBytes: 2 << 20)
        } catch {
            throw CommandFailure(error)
        }
        do throws(ReceiptTextError) {
            return try ReceiptText.parse(bytes)
        } catch {
            report.failed("receipt", error.detail)
            throw CommandFailure(
                .verificationFailed,
                "not verified: \(path) is not a receipt that can be relied on: \(error.detail)"
            )
        }
    }
}

/// Prints the steps of a verification as they are decided.
struct VerificationReport {
    let console: Console
    let isJSON: Bool

    func passed(_ step: String, _ compared: String) {
        write(step, "ok", compared)
    }

    func failed(_ step: String, _ detail: String) {
        write(step, "failed", detail)
    }

    func finished(_ text: String) {
        if !isJSON { console.result("verified: " + text) }
    }

    private func write(_ step: String, _ result: String, _ detail: String) {
        if isJSON {
            var line = JSONLine()
            line.add("step", step)
            line.add("result", result)
            line.add("detail", detail)
            console.result(line.text)
        } else {
            let padding = String(repeating: " ", count: max(0, 9 - step.count))
            let mark = result == "ok" ? "ok      " : "FAILED  "
            console.result("\(step)\(padding)  \(mark)\(Console.harmless(detail))")
        }
    }
}
