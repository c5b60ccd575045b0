package import Cryptography

/// A time-stamp with all that renewed it: an evidence record.
///
/// A chain is renewed by a token over its last token, with the same digest algorithm; a new chain,
/// with another algorithm, covers the data and all chains before it. What was read is written again
/// byte for byte.
///
/// Reference: RFC 4998 (`EvidenceRecord`, `ArchiveTimeStampSequence`).
package struct TimeStampRecord: Equatable, Sendable {
    /// The largest that is read.
    package static let maximumBytes = 16 << 20

    /// `ArchiveTimeStamp`.
    package struct Stamp: Equatable, Sendable {
        /// Nil: that of the token.
        package var digest: TimeStampDigest?
        /// What leads from what is covered to the token's imprint.
        package var path: [[[UInt8]]]
        package var token: TimeStampToken
        /// `digestAlgorithm` as it was read: its parameters may be there or not.
        var algorithm: [UInt8] = []
        /// `attributes` as they were read; not understood.
        var attributes: [UInt8] = []

        package init(digest: TimeStampDigest, path: [[[UInt8]]], token: TimeStampToken) {
            self.digest = digest
            self.path = path
            self.token = token
            // Implicit: the tag stands for that of the sequence.
            algorithm = digest.algorithmIdentifier
            algorithm[0] = DER.context(0)
        }

        /// With which algorithm its hash tree was made.
        package var treeDigest: TimeStampDigest { digest ?? token.digest }
    }

    /// Each has one stamp at least; there is one chain at least.
    package internal(set) var chains: [[Stamp]]

    /// `digestAlgorithms`, one after the other, and `cryptoInfos`, as they were read.
    private var algorithms: [[UInt8]]
    private var infos: [UInt8] = []

    /// The record of a first token.
    package init(first token: TimeStampToken) {
        algorithms = [token.digest.algorithmIdentifier]
        chains = [[Stamp(digest: token.digest, path: [], token: token)]]
    }

    /// The first token, over the data itself.
    package var first: Stamp { chains[0][0] }

    /// The newest token, which has to be renewed next.
    package var last: Stamp { chains[chains.count - 1][chains[chains.count - 1].count - 1] }

    /// How often it was renewed.
    package var renewals: Int { chains.reduce(0) { $0 + $1.count } - 1 }

    // MARK: Renewing

    /// What a token must cover to renew the last one, with its algorithm.
    ///
    /// Reference: RFC 4998 section 5.2, time-stamp renewal.
    package var valueToRenew: [UInt8] { last.treeDigest.hash(last.token.encoded) }

    /// What a token must cover to renew the data and everything here with another algorithm.
    ///
    /// Reference: RFC 4998 section 5.2, hash-tree renewal.
    package func valueToRenew(_ data: [UInt8], digest: TimeStampDigest) -> [UInt8] {
        Self.value(data, after: chains[...], digest)
    }

    private static func value(
        _ data: [UInt8],
        after chains: ArraySlice<[Stamp]>,
        _ digest: TimeStampDigest
    ) -> [UInt8] {
        guard !chains.isEmpty else { return digest.hash(data) }
        return digest.hash(digest.hash(data) + digest.hash(encoded(chains)))
    }

    /// The record with one more stamp: in the last chain if its algorithm is that chain's, else in
    /// a new one.
    package func renewed(by stamp: Stamp) -> TimeStampRecord {
        var record = self
        if stamp.treeDigest == last.treeDigest {
            record.chains[chains.count - 1].append(stamp)
        } else {
            record.chains.append([stamp])
            let algorithm = stamp.treeDigest.algorithmIdentifier
            if !algorithms.contains(algorithm) { record.algorithms.append(algorithm) }
        }
        return record
    }

    // MARK: Checking

    /// Why a record does not prove that the data existed.
    package enum Fault: Error, Equatable, Sendable, CustomStringConvertible {
        /// A stamp, counted from 1, does not cover what it must.
        case covers(stamp: Int, String)
        /// A stamp is not later than the one before it.
        case order(stamp: Int)
        /// A token's signature or certificate is not accepted.
        case token(stamp: Int, TimeStampError)

        package var description: String {
            switch self {
            case .covers(let stamp, let what): "time-stamp \(stamp) does not cover \(what)"
            case .order(let stamp): "time-stamp \(stamp) is earlier than the one before it"
            case .token(let stamp, let error): "time-stamp \(stamp): \(error)"
            }
        }
    }

    /// Compares all imprints, and the order of times; no signature is looked at.
    ///
    /// - Throws: `covers`, `order`.
    package func check(_ data: [UInt8]) throws(Fault) {
        var number = 0
        var previous: Stamp?
        for (place, chain) in chains.enumerated() {
            let digest = chain[0].treeDigest
            for (position, stamp) in chain.enumerated() {
                number += 1
                let value: [UInt8]
                let what: String
                if position > 0, let previous {
                    value = digest.hash(previous.token.encoded)
                    what = "the one before it"
                } else {
                    value = Self.value(data, after: chains[..<place], digest)
                    what = place == 0 ? "the data" : "the data and all time-stamps before it"
                }
                guard stamp.treeDigest == digest, stamp.token.digest == digest,
                    TimeStampTree.root(of: value, path: stamp.path, digest: digest)
                        == stamp.token.imprint
                else { throw .covers(stamp: number, what) }
                if let previous, stamp.token.milliseconds < previous.token.milliseconds {
                    throw .order(stamp: number)
                }
                previous = stamp
            }
        }
    }

    /// Verifies everything: imprints, order, and each token as of the time of the next; the last as
    /// of `milliseconds`.
    ///
    /// - Returns: The signers, in the order of their tokens.
    package func verify(
        _ data: [UInt8],
        anchors: TimeStampAnchors,
        at milliseconds: Int64
    ) throws(Fault) -> [TimeStampAnchors.Signer] {
        try check(data)
        let tokens = chains.flatMap { $0.map(\.token) }
        var signers: [TimeStampAnchors.Signer] = []
        for (place, token) in tokens.enumerated() {
            let next = place + 1 < tokens.count ? tokens[place + 1].milliseconds : milliseconds
            do throws(TimeStampError) {
                // When it was made, too: a certificate that began later vouches for nothing.
                _ = try anchors.verify(token, at: token.milliseconds)
                signers.append(try anchors.verify(token, at: next))
            } catch { throw .token(stamp: place + 1, error) }
        }
        return signers
    }
}

// Its bytes.
extension TimeStampRecord {
    /// The DER of `EvidenceRecord`.
    package var encoded: [UInt8] {
        DER.element(
            DER.sequence,
            DER.integer(1),
            DER.element(DER.sequence, algorithms),
            infos,
            Self.encoded(chains[...])
        )
    }

    /// The DER of `ArchiveTimeStampSequence`.
    private static func encoded(_ chains: ArraySlice<[Stamp]>) -> [UInt8] {
        DER.element(
            DER.sequence,
            chains.map { chain in
                DER.element(DER.sequence, chain.map { encoded($0) })
            }
        )
    }

    private static func encoded(_ stamp: Stamp) -> [UInt8] {
        var parts = [stamp.algorithm, stamp.attributes]
        if !stamp.path.isEmpty {
            let lists = stamp.path.map { list in
                DER.element(DER.sequence, list.map { DER.element(DER.octetString, $0) })
            }
            parts.append(DER.element(DER.context(2), lists))
        }
        parts.append(stamp.token.encoded)
        return DER.element(DER.sequence, parts)
    }

    /// Reads an `EvidenceRecord` without encryption.
    ///
    /// - Throws: ``DERError``.
    package init(parsing bytes: [UInt8]) throws(DERError) {
        guard bytes.count <= Self.maximumBytes else { throw DERError("it is too large") }
        var outer = DERReader(bytes[...])
        var record = try outer.next(DER.sequence).reader
        try outer.finish()
        guard Array(try record.next(DER.integer).content) == [1] else {
            throw DERError("its version is not 1")
        }
        var listed = try record.next(DER.sequence).reader
        algorithms = []
        while !listed.isAtEnd { algorithms.append(Array(try listed.next(DER.sequence).encoded)) }
        infos = try record.optional(DER.context(0)).map { Array($0.encoded) } ?? []
        guard try record.optional(DER.context(1)) == nil else {
            throw DERError("what it covers is encrypted, which is not supported")
        }
        var sequence = try record.next(DER.sequence).reader
        try record.finish()
        var chains: [[Stamp]] = []
        while !sequence.isAtEnd {
            var chain = try sequence.next(DER.sequence).reader
            var stamps: [Stamp] = []
            while !chain.isAtEnd { stamps.append(try Stamp(try chain.next(DER.sequence))) }
            guard !stamps.isEmpty else { throw DERError("a chain is empty") }
            chains.append(stamps)
        }
        guard !chains.isEmpty else { throw DERError("it has no time-stamp") }
        self.chains = chains
    }
}

extension TimeStampRecord.Stamp {
    /// Reads an `ArchiveTimeStamp`.
    init(_ element: DERElement) throws(DERError) {
        var reader = element.reader
        if let found = try reader.optional(DER.context(0)) {
            digest = try TimeStampDigest(algorithm: found)
            algorithm = Array(found.encoded)
        }
        if let found = try reader.optional(DER.context(1)) { attributes = Array(found.encoded) }
        path = []
        if var lists = try reader.optional(DER.context(2))?.reader {
            while !lists.isAtEnd {
                var list = try lists.next(DER.sequence).reader
                var hashes: [[UInt8]] = []
                while !list.isAtEnd {
                    hashes.append(Array(try list.next(DER.octetString).content))
                }
                guard !hashes.isEmpty else { throw DERError("a list of hashes is empty") }
                path.append(hashes)
            }
            guard !path.isEmpty else { throw DERError("a hash tree is empty") }
        }
        let encoded = Array(try reader.next(DER.sequence).encoded)
        try reader.finish()
        do throws(TimeStampError) {
            token = try TimeStampToken(parsing: encoded)
        } catch { throw DERError("\(error)") }
    }
}
