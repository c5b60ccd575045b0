internal import Cryptography
internal import EvidenceBundle
internal import Observability

/// `strongroom version`.
enum VersionCommand {
    static let version = "0.1.0"

    static let command = Command(
        specification: CommandSpecification(
            name: "version",
            group: .tools,
            summary: "print the version, and the digest of verify.py",
            operands: [],
            options: [.json],
            about: [
                "Prints the version of this program, and the SHA-256 of the verify.py that it",
                "puts into bundles: compare it before you run one out of a bundle.",
            ],
            example: "strongroom version"
        )
    ) { (arguments, console) throws(CommandFailure) in
        if arguments.flag("json") {
            var line = JSONLine()
            line.add("version", version)
            line.add("verifier", BundleVerifier.digest.hex)
            console.result(line.text)
        } else {
            console.result("strongroom \(version)")
            console.result("verify.py  SHA-256 \(BundleVerifier.digest.hex)")
        }
        return .done
    }
}
