internal import Cryptography
internal import EvidenceModel
internal import Observability
internal import TransparencyLog

/// `strongroom verify`: offline, from the payload to the signature.
enum VerifyCommand {
    static let command = Command(
        specification: CommandSpecification(
            name: "verify",
            group: .proof,
            summary: "check a file and its receipt, or a bundle, offline",
            operands: [OperandSpecification(name: "FILE", count: .zeroOrMore)],
            options: [
                .value("receipt", "R", "the receipt: JSON or tlog-proof text"),
                .value("certificate", "C", "with --receipt: the deletion certificate, as well"),
                .value("complete", "COLLECTION", "FILEs are receipts, or directories of them"),
                .repeated("authority-ca", "PEM", "certificates of a bundle's time-stamps"),
                .repeated("key", "VKEY", "verifier key or a file of keys; else $STRONGROOM_KEY"),
                .value("policy", "FILE", "tlog-policy: witnesses that must have cosigned"),
                .json,
            ],
            about: [
                "Checks without any server that FILE is what the log holds: payload, opening",
                "(of a sealed record), record, leaf, inclusion, signature; prints what each step",
                "compared. Without FILE the payload is left out. Ends with 1 at the first step",
                "that fails, and names it. The key pins log and signer: get it from someone you",
                "trust, not with the receipt. Any of several keys may have signed. With",
                "--certificate it also says on what ground, when and by whom the payload was",
                "erased. With --complete it checks that receipts are all of a collection, and",
                "prints the numbers that are missing; a census among them proves where it ends.",
                "Of a bundle (see 'export') all of it is checked: FILE is its tar. With --policy",
                "the checkpoint must also have the cosignatures that it asks for; a log key in",
                "the policy serves as --key.",
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
        let complete = arguments.value("complete")
        let receiptPath = arguments.value("receipt")
        switch (complete, receiptPath) {
        case (nil, nil):
            guard isBundle(arguments) else {
                throw .usage("--receipt is missing", advice: "see 'strongroom verify --help'")
            }
        case (.some, .some):
            throw .usage("--receipt is about one record, --complete about all: give one of them")
        default: break
        }
        guard complete == nil || arguments.value("certificate") == nil else {
            throw .usage("--certificate goes with --receipt")
        }
        guard complete != nil || arguments.operands.count <= 1 else {
            throw .usage("unexpected word '\(arguments.operands[1])': a receipt is of one file")
        }
        let policy = try arguments.value("policy").map { (path) throws(CommandFailure) in
            try PolicyFile.read(path)
        }
        guard complete == nil || policy == nil else {
            throw .usage("--policy goes with a receipt or a bundle")
        }
        let keys =
            try TrustedKeys.read(arguments, badKey: .verificationFailed)
            + (policy?.logs.map(\.key) ?? [])
        guard !keys.isEmpty else {
            throw .usage(
                "no key is given, and a receipt proves nothing without one",
                advice: "add --key with the log's verifier key, or set STRONGROOM_KEY"
            )
        }
        guard receiptPath == nil && complete == nil || arguments.all("authority-ca").isEmpty else {
            throw .usage("--authority-ca is about the time-stamps in a bundle")
        }
        let isJSON = arguments.flag("json")
        if let complete {
            let collection: CollectionName
            do throws(LimitViolation) {
                collection = try CollectionName(complete)
            } catch { throw .usage("--complete: \(error)") }
            return try CompletenessRun(
                collection: collection,
                keys: keys,
                console: console,
                isJSON: isJSON
            ).run(arguments.operands)
        }
        guard let receiptPath else {
            var run = BundleRun(keys: keys, policy: policy, console: console, isJSON: isJSON)
            run.anchors = try TimeStamps.anchors(arguments)
            return try run.run(arguments.operands[0])
        }
        let report = VerificationReport(console: console, isJSON: isJSON)
        try verify(receiptPath, arguments, keys, policy, report)
        return .done
    }

    /// Whether the one thing that was named is an exported bundle.
    private static func isBundle(_ arguments: ParsedArguments) -> Bool {
        guard arguments.operands.count == 1, arguments.value("certificate") == nil else {
            return false
        }
        return BundleRun.isArchive(arguments.operands[0])
    }

    private static func verify(
        _ receiptPath: String,
        _ arguments: ParsedArguments,
        _ keys: [VerifierKey],
        _ policy: TlogPolicy?,
        _ report: VerificationReport
    ) throws(CommandFailure) {
        let receipt = try read(receiptPath, "receipt", report)
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
            throw failure(of: name(of: error.step))
        }
        try judge(receipt, keys, policy, report)
        let what = arguments.operands.first.map { "\($0) is" } ?? "this is"
        let proven = "\(what) record \(receipt.index) of the log, unchanged"
        guard let path = arguments.value("certificate") else {
            report.finished(proven)
            return
        }
        let certificate = try read(path, "certificate", report)
        let proof: ErasureProof
        do throws(CertificateFailure) {
            proof = try CertificateVerification.verify(certificate, of: receipt, keys: keys)
        } catch {
            report.failed("certificate", "\(error)")
            throw failure(of: "certificate")
        }
        report.passed("certificate", ErasureText.compared(proof))
        try judge(certificate, keys, policy, report)
        report.erased(proof)
        report.finished("\(proven); \(ErasureText.conclusion(proof))")
    }

    /// Confirms that the checkpoint of a receipt has what the policy asks for.
    private static func judge(
        _ receipt: Receipt,
        _ keys: [VerifierKey],
        _ policy: TlogPolicy?,
        _ report: VerificationReport
    ) throws(CommandFailure) {
        // Its signature was verified: it is a note.
        guard let policy, let note = try? SignedNote(parsing: receipt.checkpoint) else { return }
        let verdict = policy.judge(note, logKeys: keys)
        let words = policy.words(for: verdict)
        guard verdict.isAccepted else {
            let reasons = verdict.shortcomings.map(\.description).joined(separator: "; ")
            report.failed("policy", "\(words); \(reasons)")
            throw failure(of: "policy")
        }
        report.passed("policy", words)
    }

    private static func failure(of step: String) -> CommandFailure {
        CommandFailure(
            .verificationFailed,
            "not verified: the step '\(step)' failed",
            advice: "do not rely on this evidence"
        )
    }

    /// The steps' names on the command line: the last one is about the signature.
    private static func name(of step: VerificationStep) -> String {
        step == .checkpoint ? "signature" : step.rawValue
    }

    private static func read(
        _ path: String,
        _ step: String,
        _ report: VerificationReport
    ) throws(CommandFailure) -> Receipt {
        do throws(CommandFailure) {
            return try ReceiptFile.read(path)
        } catch {
            guard error.code == .verificationFailed else { throw error }
            report.failed(step, error.message)
            throw CommandFailure(error.code, "not verified: \(error.message)")
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

    /// What a certificate says, in full.
    func erased(_ proof: ErasureProof) {
        if isJSON {
            console.result(ErasureText.json(proof))
        } else {
            for line in ErasureText.lines(proof) { console.result(Console.harmless(line)) }
        }
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
            let padding = String(repeating: " ", count: max(0, 11 - step.count))
            let mark = result == "ok" ? "ok      " : "FAILED  "
            console.result("\(step)\(padding)  \(mark)\(Console.harmless(detail))")
        }
    }
}
