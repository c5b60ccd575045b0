package import Cryptography
import EvidenceModel
import TransparencyLog

/// What the small files of a bundle say.
struct BundleFacts {
    let origin: String
    let keys: [VerifierKey]
    /// The record `access.exported`.
    let index: RecordIndex
    let record: ActRecord
    let export: EvidenceExport
    let counts: BundleCounts
    /// The checkpoint, and who confirmed it.
    let attestation: CheckpointAttestation
    var size: TreeSize { attestation.size }
    /// `strongroom 0.1.0`.
    let software: String

    func content(of name: String) -> [UInt8] {
        switch name {
        case BundleLayout.declaration: Array(BundleLayout.declarationText.utf8)
        case BundleLayout.information: Array(information.utf8)
        case BundleLayout.readme: Array(BundleReadme(facts: self).html.utf8)
        case BundleLayout.verifier: BundleVerifier.bytes
        case BundleLayout.claims: CanonicalJSON.encode(.object(claims)) + Array("\n".utf8)
        case BundleLayout.keys: Array(keys.map { "\($0)\n" }.joined().utf8)
        case BundleLayout.checkpoint: Array(attestation.note.utf8)
        default:
            if let authority = BundleLayout.authority(ofToken: name),
                let token = attestation.tokens[authority]
            {
                token
            } else {
                preconditionFailure("\(name) is written elsewhere")
            }
        }
    }

    private var information: String {
        """
        Bag-Software-Agent: \(software)
        Bagging-Date: \(record.received.rfc3339.prefix(10))
        External-Identifier: \(origin)#\(index)
        Payload-Oxum: \(counts.payloadBytes).\(counts.payloads)

        """
    }

    private var claims: JSONObject {
        [
            "entries": .integer(Int64(counts.entries)),
            "evidence": .integer(Int64(counts.evidence)),
            "export": .integer(Int64(index.value)), "origin": .string(origin),
            "payloadBytes": .integer(Int64(counts.payloadBytes)),
            "payloads": .integer(Int64(counts.payloads)), "size": .integer(Int64(size.value)),
            "software": .string(software), "type": "strongroom-bundle-v1",
        ]
    }
}

/// The verifier that lies in every bundle.
package enum BundleVerifier {
    /// The file.
    package static let bytes: [UInt8] = PackageResources.verify_py
    /// Its SHA-256: printed by `strongroom version`, and in every record of an export.
    package static let digest = SHA256.hash(bytes.span)
}
