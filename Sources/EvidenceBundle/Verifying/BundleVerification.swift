package import Cryptography
import EvidenceModel
import Platform
import TarArchive
package import TransparencyLog

/// Checks a bundle offline, as it lies in its archive.
///
/// Reference: `Schemas/bundle.md` section 7.
package struct BundleVerification {
    /// Something that was checked, and what was compared.
    package struct Step: Equatable, Sendable {
        package let name: String
        package let compared: String
    }

    /// What was found.
    package struct Finding: Sendable {
        package var steps: [Step] = []
        /// What is wrong, file by file; empty: the bundle is verified.
        package var faults: [BundleFault] = []
        /// Pieces of evidence.
        package var evidence: UInt64 = 0
    }

    private let archive: BundleArchive
    private let keys: [VerifierKey]
    private let policy: TlogPolicy?
    /// What time-stamps must lead to; nil: their signatures are not checked.
    private let anchors: TimeStampAnchors?
    private let progress: @Sendable (UInt64) -> Void
    private var finding = Finding()
    private var acts = BundleActs()

    /// Verifies; what is wrong is in the finding.
    ///
    /// `keys`: those that are trusted, from elsewhere; so are `policy`: who must have cosigned the
    /// checkpoint, and `anchors`: certificates of time-stamping authorities. `progress`: told how
    /// many more bytes were checked.
    package static func verify(
        _ path: String,
        keys: [VerifierKey],
        policy: TlogPolicy? = nil,
        anchors: TimeStampAnchors? = nil,
        progress: @escaping @Sendable (UInt64) -> Void
    ) -> Finding {
        do throws(BundleFault) {
            var run = BundleVerification(
                archive: try BundleArchive(path),
                keys: keys,
                policy: policy,
                anchors: anchors,
                progress: progress
            )
            do throws(BundleFault) {
                try run.checkTags()
                let signed = try run.checkCheckpoint()
                try run.checkTimestamps(signed)
                try run.readActs()
                try run.checkRecords(signed)
                try run.checkAccesses()
            } catch { run.finding.faults.append(error) }
            return run.finding
        } catch { return Finding(faults: [error]) }
    }

    private init(
        archive: BundleArchive,
        keys: [VerifierKey],
        policy: TlogPolicy?,
        anchors: TimeStampAnchors?,
        progress: @escaping @Sendable (UInt64) -> Void
    ) {
        self.archive = archive
        self.keys = keys
        self.policy = policy
        self.anchors = anchors
        self.progress = progress
    }

    private mutating func passed(_ name: String, _ compared: String) {
        finding.steps.append(Step(name: name, compared: compared))
    }

    // MARK: Files

    /// Every tag file is what the tag manifest says.
    private mutating func checkTags() throws(BundleFault) {
        let present = BundleLayout.tagFiles(with: archive.authorities).filter { name in
            archive.members[name] != nil
        }
        var lines = archive.lines(of: BundleLayout.tagManifest)
        for name in present where name != BundleLayout.tagManifest {
            guard let member = archive.members[name] else { continue }
            let digest = try archive.digest(
                of: name,
                at: member.offset,
                sizeBytes: member.sizeBytes
            )
            progress(member.sizeBytes)
            guard let line = try lines.next(),
                line.elementsEqual("\(digest.hex)  \(name)".utf8)
            else {
                throw BundleFault(
                    name,
                    "its SHA-256 is \(digest.hex), and \(BundleLayout.tagManifest) says otherwise"
                )
            }
        }
        if try lines.next() != nil {
            throw BundleFault(BundleLayout.tagManifest, "it lists what is not there")
        }
        let declaration = try archive.content(of: BundleLayout.declaration)
        guard declaration.elementsEqual(BundleLayout.declarationText.utf8) else {
            throw BundleFault(BundleLayout.declaration, "it is not that of a bundle")
        }
        passed("files", "\(present.count) files besides the payloads are as the manifest says")
    }

    private mutating func checkCheckpoint() throws(BundleFault) -> SignedCheckpoint {
        let name = BundleLayout.checkpoint
        let text = String(decoding: try archive.content(of: name), as: UTF8.self)
        let signed: SignedCheckpoint
        do throws(NoteError) {
            signed = try SignedCheckpoint.open(text, keys: keys)
        } catch {
            throw BundleFault(name, "it is not signed by a key that you trust: \(error)")
        }
        let checkpoint = signed.checkpoint
        guard checkpoint.size.value > archive.index.value else {
            throw BundleFault(name, "its tree does not reach record \(archive.index)")
        }
        let signers = signed.signers.map(\.description).joined(separator: " and ")
        passed(
            "checkpoint",
            "\(checkpoint.origin), \(checkpoint.size) records, root \(checkpoint.root.base64), "
                + "signed by \(signers)"
        )
        try checkPolicy(signed)
        return signed
    }

    /// Those witnesses have cosigned that the policy asks for.
    private mutating func checkPolicy(_ signed: SignedCheckpoint) throws(BundleFault) {
        guard let policy else { return }
        let verdict = policy.judge(signed.note, logKeys: keys)
        let words = policy.words(for: verdict)
        guard verdict.isAccepted else {
            let reasons = verdict.shortcomings.map(\.description).joined(separator: "; ")
            throw BundleFault(
                BundleLayout.checkpoint,
                "the policy does not accept it: it is \(words); \(reasons)"
            )
        }
        passed("policy", words)
    }

    /// Each token is over the checkpoint's text; with certificates it is verified as of its time.
    private mutating func checkTimestamps(_ signed: SignedCheckpoint) throws(BundleFault) {
        let text = Array(signed.checkpoint.text.utf8)
        for authority in archive.authorities {
            let name = BundleLayout.token(of: authority)
            do throws(TimeStampError) {
                let token = try TimeStampToken(parsing: try content(of: name))
                guard token.imprint == token.digest.hash(text) else {
                    throw TimeStampError.wrongImprint
                }
                let time = Timestamp(milliseconds: token.milliseconds)?.rfc3339 ?? "?"
                var words = "\(authority) says that the checkpoint existed at \(time)"
                if let anchors {
                    let signer = try anchors.verify(token, at: token.milliseconds)
                    words += ", signed by \(signer.subject)"
                } else {
                    words += "; its signature is not checked: give --authority-ca"
                }
                passed("time-stamp", words)
            } catch { throw BundleFault(name, "\(error)") }
        }
    }

    private func content(of name: String) throws(TimeStampError) -> [UInt8] {
        do throws(BundleFault) {
            return try archive.content(of: name, limitBytes: TimeStampToken.maximumBytes)
        } catch { throw .malformed(error.reason) }
    }

    // MARK: Records

    /// The acts come first: they decide about records that stand before them.
    private mutating func readActs() throws(BundleFault) {
        var lines = archive.lines(of: BundleLayout.entries)
        while let line = try lines.next() {
            guard case .leaf(let index, let bytes)? = BundleEntry(line),
                !BundleActs.isEvidence(bytes)
            else { continue }
            try acts.take(try Self.record(bytes, index), at: index)
        }
        if let export = acts.export,
            export.record.received.milliseconds / 1000 != Int64(archive.modifiedSeconds)
        {
            throw BundleFault("the archive", "its members are not of the time of the export")
        }
        guard let export = acts.export, export.index == archive.index else {
            throw BundleFault(
                BundleLayout.entries,
                "record \(archive.index), the export that the bundle is, is not among the records"
            )
        }
    }

    static func record(
        _ bytes: ArraySlice<UInt8>,
        _ index: RecordIndex
    ) throws(BundleFault) -> Record {
        do throws(RecordError) {
            return try Record(parsing: bytes.span)
        } catch { throw BundleFault(BundleLayout.entries, "record \(index): \(error)") }
    }

    private mutating func checkRecords(_ signed: SignedCheckpoint) throws(BundleFault) {
        let checks = PayloadChecks(archive, done: progress)
        let threads = checks.start()
        let result: Result<BundleEvidence, BundleFault>
        do throws(BundleFault) {
            result = .success(try evidence(signed, checks))
        } catch { result = .failure(error) }
        finding.faults += checks.end(threads)
        var evidence = try result.get()
        try evidence.checkEnd(archive)
        finding.evidence = evidence.count
        try checkClaims(evidence, signed.checkpoint)
        passed(
            "records",
            "\(evidence.entries) records, \(evidence.count) of them evidence, and "
                + "\(evidence.nodes) hashes for the others give that root"
        )
        if finding.faults.isEmpty {
            passed(
                "payloads",
                "\(evidence.payloads) payloads, \(evidence.payloadBytes) bytes, are what their "
                    + "records say"
            )
        }
        guard let export = acts.export else { return }
        try checkVerifier(export.export)
        passed("selection", try evidence.checkSelection(export.export))
        passed("numbers", try evidence.checkNumbers(export.export, acts.censuses))
        passed("locks", evidence.lockSummary)
        accessible = evidence.indexes
    }

    /// The program that others will run on this bundle is the one that the log names.
    private func checkVerifier(_ export: EvidenceExport) throws(BundleFault) {
        let name = BundleLayout.verifier
        guard let member = archive.members[name] else { throw BundleFault(name, "it is missing") }
        let digest = try archive.digest(
            of: name,
            at: member.offset,
            sizeBytes: member.sizeBytes
        )
        guard digest == export.verifier else {
            throw BundleFault(
                name,
                "its SHA-256 is \(digest.hex), and the export says \(export.verifier.hex)"
            )
        }
    }

    private var accessible = IndexRanges.none

    private func evidence(
        _ signed: SignedCheckpoint,
        _ checks: PayloadChecks
    ) throws(BundleFault) -> BundleEvidence {
        var tree = BundleTree()
        var evidence = BundleEvidence(archive, acts)
        var last: RecordIndex?
        var lines = archive.lines(of: BundleLayout.entries)
        while let line = try lines.next() {
            guard let entry = BundleEntry(line) else {
                throw BundleFault(
                    BundleLayout.entries,
                    "the line for leaf \(tree.range.size) is neither a leaf nor a node"
                )
            }
            guard case .leaf(let index, let bytes) = entry else {
                try tree.add(entry, leafHash: nil)
                evidence.nodes += 1
                continue
            }
            let leaf = MerkleTree.leafHash(bytes.span)
            try tree.add(entry, leafHash: leaf)
            last = index
            try evidence.take(try Self.record(bytes, index), index, leaf, checks)
        }
        evidence.flush(checks)
        guard last == archive.index, acts.creation?.origin == signed.checkpoint.origin else {
            throw BundleFault(
                BundleLayout.entries,
                "it does not begin with log.created of this log, or end with the export"
            )
        }
        let checkpoint = signed.checkpoint
        guard tree.range.size == checkpoint.size, tree.range.root == checkpoint.root else {
            throw BundleFault(
                BundleLayout.entries,
                "its \(tree.range.size) leaves give the root \(tree.range.root.base64), and the "
                    + "checkpoint has \(checkpoint.size) and \(checkpoint.root.base64): a record "
                    + "was changed, added or taken out"
            )
        }
        return evidence
    }

    /// `bundle.json` says what was found.
    private func checkClaims(
        _ evidence: BundleEvidence,
        _ checkpoint: Checkpoint
    ) throws(BundleFault) {
        let name = BundleLayout.claims
        let bytes = try archive.content(of: name)
        let text = bytes.dropLast()
        guard case .object(let object)? = try? JSONValue(parsing: text.span, form: .canonical),
            case .string(let software)? = object["software"]
        else { throw BundleFault(name, "it is not what a bundle claims") }
        let claims: JSONObject = [
            "entries": .integer(Int64(evidence.entries)),
            "evidence": .integer(Int64(evidence.count)),
            "export": .integer(Int64(archive.index.value)),
            "origin": .string(checkpoint.origin),
            "payloadBytes": .integer(Int64(evidence.payloadBytes)),
            "payloads": .integer(Int64(evidence.payloads)),
            "size": .integer(Int64(checkpoint.size.value)), "software": .string(software),
            "type": "strongroom-bundle-v1",
        ]
        guard bytes == CanonicalJSON.encode(.object(claims)) + Array("\n".utf8) else {
            throw BundleFault(name, "it claims something else than what is there")
        }
    }

    /// Reads are told as the store says them: nothing signs single lines.
    private mutating func checkAccesses() throws(BundleFault) {
        let name = BundleLayout.accesses
        var lines = archive.lines(of: name)
        var count = 0
        while let line = try lines.next() {
            count += 1
            guard case .object(let object)? = try? JSONValue(parsing: line.span, form: .canonical),
                case .string(let target)? = object["target"],
                let index = Self.accessed(target), accessible.contains(index)
            else {
                throw BundleFault(name, "line \(count) is no read of a record of the selection")
            }
        }
        passed("access", "\(count) reads of this evidence before (the store's word, unsigned)")
    }

    private static let slash = UInt8(ascii: "/")

    private static func accessed(_ target: String) -> RecordIndex? {
        guard target.hasPrefix("/v1/records/") else { return nil }
        let number = Array(target.utf8.dropFirst("/v1/records/".count).prefix { $0 != slash })
        return BundleEntry.decimal(number[...]).map { RecordIndex($0) }
    }
}
