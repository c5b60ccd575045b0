import EvidenceStore
import Platform
package import TransparencyLog

/// Asks one witness for its cosignature of a checkpoint.
///
/// Nothing that it answers is believed: cosignatures are verified, sizes only choose the proof that
/// is sent next, lines of strangers are dropped. A response is bounded by the transport, and what
/// is kept of it by ``SignedNote/interoperableSignatures``.
///
/// Reference: C2SP tlog-witness, "add-checkpoint"; C2SP tlog-cosignature.
package struct WitnessClient: Sendable {
    /// What a witness has signed.
    package struct Answer: Equatable, Sendable {
        /// By keys of the policy; the first one is by the witness that was asked.
        package let cosignatures: [Cosignature]
        /// Further lines under the witness's own name, of kinds that nobody here can verify.
        package let otherLines: [NoteSignature]
    }

    /// Requests for one checkpoint: the first may be told the size, the second a newer one.
    static let maximumAttempts = 3
    /// What is kept of lines that cannot be verified.
    static let maximumOtherLines = 2
    static let maximumOtherBytes = 8 * 1024

    /// What the policy calls the witness.
    package let name: TlogPolicy.Name
    package let key: CosignatureKey
    /// The submission prefix, without a slash at its end.
    package let url: String
    /// All witnesses of the policy: what claims to be by them must be.
    private let known: [CosignatureKey]
    private let transport: any AttestationTransport

    package init(
        name: TlogPolicy.Name,
        key: CosignatureKey,
        url: String,
        known: [CosignatureKey],
        transport: any AttestationTransport
    ) {
        self.name = name
        self.key = key
        self.url = String(url.reversed().drop { $0 == "/" }.reversed())
        self.known = known
        self.transport = transport
    }

    /// Asks for a cosignature of `note`, a checkpoint of the log with `size` records.
    ///
    /// `from`: the size that the witness is believed to have cosigned last. `proof`: the
    /// consistency proof from a size to this checkpoint's. Waits until the deadline (monotonic) at
    /// most.
    func ask(
        for note: SignedNote,
        size: TreeSize,
        from known: TreeSize,
        deadlineNanoseconds: UInt64,
        proof: (TreeSize) throws(StoreError) -> [MerkleHash]
    ) throws(WitnessFailure) -> Answer {
        var old = known <= size ? known : .zero
        for _ in 0..<Self.maximumAttempts {
            let request = AddCheckpointRequest(
                oldSize: old,
                proof: try path(from: old, proof),
                checkpoint: note
            )
            switch try send(request, deadlineNanoseconds) {
            case .cosigned(let lines): return try judge(lines, note)
            case .conflict(let latest):
                guard latest <= size else { throw .ahead(witness: latest, log: size) }
                if latest == old {
                    // It has this very size: then it can only mean the root.
                    guard latest == size else { throw .unsettled(latest) }
                    throw .inconsistent("it has another root of the tree of size \(size)")
                }
                old = latest
            case .refused(.inconsistent, let detail):
                throw .inconsistent("from size \(old) to \(size): \(detail)")
            case .refused(let refusal, let detail): throw .refused(refusal, detail: detail)
            case .failed(let status, let detail): throw .failing(status: status, detail: detail)
            }
        }
        throw .unsettled(old)
    }

    private func path(
        from old: TreeSize,
        _ proof: (TreeSize) throws(StoreError) -> [MerkleHash]
    ) throws(WitnessFailure) -> [MerkleHash] {
        guard old > .zero else { return [] }
        do throws(StoreError) { return try proof(old) } catch { throw .log(error) }
    }

    private func send(
        _ request: AddCheckpointRequest,
        _ deadlineNanoseconds: UInt64
    ) throws(WitnessFailure) -> AddCheckpointResponse {
        let now = Clock.monotonicNanoseconds()
        guard now < deadlineNanoseconds else { throw .silent("the time for it is over") }
        let response: AttestationResponse
        do throws(AttestationSilence) {
            response = try transport.post(
                request.encoded,
                mediaType: "text/plain; charset=utf-8",
                to: url + "/add-checkpoint",
                deadlineMilliseconds: Int((deadlineNanoseconds - now) / 1_000_000) + 1
            )
        } catch {
            throw .silent(error.description)
        }
        do throws(AddCheckpointError) {
            return try AddCheckpointResponse(
                status: response.status,
                contentType: response.mediaType,
                body: response.body
            )
        } catch {
            throw .garbage("\(error)")
        }
    }

    /// What of the lines counts, what is kept, and what is not.
    private func judge(
        _ lines: [NoteSignature],
        _ note: SignedNote
    ) throws(WitnessFailure) -> Answer {
        guard let claim = lines.first(where: key.matches) else {
            throw .invalid("none of \(lines.count) lines is by \(key.name)+\(key.keyID)")
        }
        guard let own = key.verify(claim, over: note.text) else {
            throw .invalid("the line that claims to be by \(key.name)+\(key.keyID) is not")
        }
        var cosignatures = [own]
        var others: [NoteSignature] = []
        for line in lines where line != claim {
            if let voice = known.first(where: { $0.matches(line) }) {
                // A witness may pass others' lines on; one that is not by them is dropped, for it
                // would make the whole note void to verifiers.
                let isNew = !cosignatures.contains { $0.key == voice }
                if isNew, let verified = voice.verify(line, over: note.text) {
                    cosignatures.append(verified)
                }
            } else if isOwnName(line), others.count < Self.maximumOtherLines,
                line.bytes.count <= Self.maximumOtherBytes
            {
                let isRepeated = others.contains { $0.keyID == line.keyID }
                if !isRepeated { others.append(line) }
            }
        }
        return Answer(cosignatures: cosignatures, otherLines: others)
    }

    /// Whether a line claims another key of this witness: it answers for that itself.
    private func isOwnName(_ line: NoteSignature) -> Bool {
        line.name.utf8.elementsEqual(key.name.utf8)
    }
}
