import Cryptography
import Platform
import TransparencyLog

@testable import Attestation

/// Witnesses in memory, strict as the specification has them, and what a test makes of them.
final class DoubleWitnesses: AttestationTransport {
    /// How one witness behaves from now on.
    enum Mood: Sendable {
        /// As specified.
        case honest
        /// No response.
        case silent
        /// Always this response.
        case fixed(AttestationResponse)
        /// Honest, with these lines before and after its own.
        case adorned(before: [String], after: [String])
        /// Waits until ``DoubleWitnesses/release()``, or the deadline.
        case slow
    }

    struct Witness {
        let cosigner: Cosigner
        var state: WitnessState
        var mood = Mood.honest
        var requests: [AddCheckpointRequest] = []
    }

    private struct State {
        var witnesses: [String: Witness] = [:]
        var seconds: UInt64 = 1_800_000_000
        var isReleased = false
        var waiting = 0
    }

    private let state: Mutex<State>
    private let released = Condition()

    /// `names`: of the witnesses; each is at `http://<name>.example/w`.
    init(_ names: [String], of keys: [VerifierKey]) throws {
        var first = State()
        for name in names {
            first.witnesses[Self.url(name)] = Witness(
                cosigner: try Cosigner(
                    name: "\(name).example",
                    privateKey: Ed25519PrivateKey.generate()
                ),
                state: WitnessState(keys: keys)
            )
        }
        state = Mutex(first)
    }

    static func url(_ name: String) -> String { "http://\(name).example/w" }

    func key(_ name: String) -> CosignatureKey {
        with(name) { $0.cosigner.cosignatureKey }
    }

    func with<Result>(_ name: String, _ body: (inout Witness) -> Result) -> Result {
        state.withLock { state in
            guard var witness = state.witnesses[Self.url(name)] else {
                preconditionFailure("there is no witness \(name)")
            }
            defer { state.witnesses[Self.url(name)] = witness }
            return body(&witness)
        }
    }

    func set(_ name: String, _ mood: Mood) { with(name) { $0.mood = mood } }

    func requests(_ name: String) -> [AddCheckpointRequest] { with(name) { $0.requests } }

    /// What all witnesses sign from now on states this time.
    func set(milliseconds: Int64) { state.withLock { $0.seconds = UInt64(milliseconds / 1000) } }

    /// What all witnesses sign from now on states a time so much later.
    func pass(seconds: UInt64) { state.withLock { $0.seconds += seconds } }

    /// Requests that a slow witness has not answered.
    var waiting: Int { state.withLock { $0.waiting } }

    func release() {
        state.withLock { $0.isReleased = true }
        released.broadcast()
    }

    /// A policy file: these witnesses, and how many of them it takes.
    func policy(_ names: [String], needing count: Int) throws -> TlogPolicy {
        let lines = names.map { "witness \($0) \(key($0)) \(Self.url($0))/\n" }
        return try TlogPolicy(
            parsing: lines.joined() + "group q \(count) \(names.joined(separator: " "))\n"
                + "quorum q\n"
        )
    }

    func post(
        _ body: [UInt8],
        mediaType: String,
        to url: String,
        deadlineMilliseconds: Int
    ) throws(AttestationSilence) -> AttestationResponse {
        guard url.hasSuffix("/add-checkpoint"), !url.hasSuffix("//add-checkpoint") else {
            throw AttestationSilence("there is nothing at \(url)")
        }
        let place = String(url.dropLast("/add-checkpoint".count))
        if case .slow = mood(place) {
            let deadline =
                Clock.monotonicNanoseconds() + UInt64(deadlineMilliseconds) * 1_000_000
            state.withLock { $0.waiting += 1 }
            state.withLock(
                when: { $0.isReleased },
                on: released,
                deadlineNanoseconds: deadline
            ) { $0.waiting -= 1 }
            throw AttestationSilence("it took too long")
        }
        guard let request = try? AddCheckpointRequest(parsing: body) else {
            throw AttestationSilence("the double was sent no request: \(body)")
        }
        let answer = state.withLock { state -> Result<AttestationResponse, AttestationSilence> in
            guard var witness = state.witnesses[place] else {
                return .failure(AttestationSilence("there is no \(place)"))
            }
            witness.requests.append(request)
            defer { state.witnesses[place] = witness }
            switch witness.mood {
            case .silent, .slow: return .failure(AttestationSilence("connection refused"))
            case .fixed(let response): return .success(response)
            case .honest: return .success(witness.answer(request, state.seconds, [], []))
            case .adorned(let before, let after):
                return .success(witness.answer(request, state.seconds, before, after))
            }
        }
        return try answer.get()
    }

    private func mood(_ place: String) -> Mood? {
        state.withLock { $0.witnesses[place]?.mood }
    }
}

extension DoubleWitnesses.Witness {
    mutating func answer(
        _ request: AddCheckpointRequest,
        _ seconds: UInt64,
        _ before: [String],
        _ after: [String]
    ) -> AttestationResponse {
        let response: AddCheckpointResponse
        switch state.decide(on: request, nowSeconds: seconds) {
        case .refuse(let refusal): response = refusal.response
        case .cosign(let signed):
            let cosignature = cosigner.cosign(signed.checkpoint, timestampSeconds: seconds)
            state.advance(to: signed.checkpoint, timestampSeconds: seconds)
            response = .cosigned([cosignature.signature])
        }
        let isGood = response.status == 200
        let extra = isGood ? (before.joined(), after.joined()) : ("", "")
        return AttestationResponse(
            status: response.status,
            mediaType: response.contentType,
            body: Array(extra.0.utf8) + response.body + Array(extra.1.utf8)
        )
    }
}

/// A log of leaves in memory, as large as a test wants it.
struct SmallLog {
    let signer: NoteSigner
    let tag: String

    /// `tag`: logs with different tags differ from record `common` on.
    var common: UInt64 = .max

    init(_ signer: NoteSigner, tag: String = "a", common: UInt64 = .max) {
        self.signer = signer
        self.tag = tag
        self.common = common
    }

    private func leaf(_ index: UInt64) -> MerkleHash {
        let bytes = Array("\(index < common ? "" : tag) \(index)".utf8)
        return MerkleTree.leafHash(bytes.span)
    }

    func root(_ size: UInt64) -> MerkleHash { MerkleTree.root(over: (0..<size).map(leaf)) }

    func note(_ size: UInt64) throws -> SignedNote {
        try SignedCheckpoint.sign(
            Checkpoint(origin: signer.name, size: TreeSize(size), root: root(size)),
            by: signer
        ).note
    }

    func proof(from old: TreeSize, to size: UInt64) -> [MerkleHash] {
        ConsistencyProof.path(from: old, to: TreeSize(size)) { node in
            let first = node.firstLeaf.value
            return MerkleTree.root(over: (first...node.lastLeaf.value).map(leaf))
        }
    }
}
