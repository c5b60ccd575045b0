internal import Cryptography
internal import EvidenceModel
internal import TransparencyLog

/// The words of EVIDENCE_CHAIN.md.
struct ChainText {
    let collection: CollectionName
    let signed: SignedCheckpoint
    let server: String
    /// By this machine's clock.
    let made: Timestamp
    /// Of the collection, with the number of its last record.
    let count: UInt64

    /// A line of the table.
    struct Line {
        let sequence: SequenceNumber
        let index: RecordIndex
        let received: Timestamp
        /// Of the payload; nil where the record is sealed and its opening is not shown.
        let description: EvidenceDescription?
        /// Of a sealed record.
        let commitment: SHA256Digest?
        let lock: Lock
        /// The `payload.erased` record.
        let erased: RecordIndex?
        let matters: [Matter]
        /// Whether a hold may cover it, of which only the opening would tell.
        let mayBeHeld: Bool
    }

    var head: String {
        let checkpoint = signed.checkpoint
        let note = Self.indented(signed.encoded)
        let remark =
            note.isExact
            ? "" : "\nCharacters that cannot be seen are written as `\\u{…}` in it.\n"
        let keys = signed.signers.map { "`\(ShownText.visible($0.description))`" }
            .joined(separator: ", ")
        return """
            # Chain of evidence: collection \(ShownText.markdown(collection.text))

            All \(Amount.count(count, "piece")) of evidence that the log \
            \(ShownText.markdown(checkpoint.origin)) holds in this collection, numbered without a \
            gap from 1. Every record of the log was read from \
            \(ShownText.markdown(server)), proven to stand in the tree of the checkpoint below, \
            and judged by the rules of the store; the locks, holds and erasures are what the \
            records amount to at that checkpoint. Made \(made.rfc3339) by this machine's clock.

            This page supports an auditor; it is no legal opinion.

            ## The checkpoint

            \(Words.number(checkpoint.size.value)) records, with the root \
            `\(checkpoint.root.base64)`, signed by \(keys). Take the key from somebody you \
            trust, not from here.

            \(note.text)
            \(remark)
            ## The evidence

            | no. | index | received | SHA-256 of the payload | bytes | name | lock in force \
            | state |
            |---:|---:|---|---|---:|---|---|---|

            """
    }

    static func line(_ line: Line) -> String {
        let description = line.description
        var digest = description.map { "`\($0.payloadDigest.hex)`" } ?? "sealed"
        if description == nil, let commitment = line.commitment {
            digest += "; commitment `\(commitment.hex)`"
        }
        let size = description.map { "\($0.payloadSize)" } ?? "sealed"
        let name = description.map { ShownText.markdown($0.name.text) } ?? "sealed"
        var state: [String] = []
        if line.commitment != nil, description != nil { state.append("sealed, opened here") }
        if let erased = line.erased { state.append("ERASED, certificate: record \(erased)") }
        if !line.matters.isEmpty {
            let names = line.matters.map { ShownText.markdown($0.text) }.joined(separator: ", ")
            state.append("held by \(names)")
        }
        if line.mayBeHeld { state.append("a hold by name or label may cover it") }
        let lock = ShownText.markdown("\(line.lock.mode) until ") + Self.end(line.lock)
        return "| \(line.sequence) | \(line.index) | \(line.received.rfc3339) | \(digest) "
            + "| \(size) | \(name) | \(lock) | \(state.joined(separator: "; ")) |\n"
    }

    private static func end(_ lock: Lock) -> String {
        switch lock.end {
        case .until(let until): until.rfc3339Seconds
        case .awaiting: ShownText.markdown(LockWords.end(lock))
        }
    }

    /// Four blanks before each line: no character in it can end the block.
    private static func indented(_ text: String) -> (text: String, isExact: Bool) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        let shown = lines.map { ShownText.visible(String($0)) }
        let isExact = zip(lines, shown).allSatisfy { $0.utf8.elementsEqual($1.utf8) }
        let block = shown.map { $0.isEmpty ? "" : "    " + $0 }.joined(separator: "\n")
        return (block, isExact)
    }

    /// How a line is checked by hand.
    var foot: String {
        """

        ## How to check one line by hand

        Set `INDEX` to the line's index, `SERVER` to the server, `TOKEN` to an auditor's token
        (leave the header away where there are none), and `KEY` to the log's verifier key.

        Fetch the payload, and the receipt against this very checkpoint:

        ```sh
        curl -fsS -H "Authorization: Bearer $TOKEN" \\
          "$SERVER/v1/records/$INDEX/receipt?size=\(signed.checkpoint.size)" -o receipt.json
        curl -fsS -H "Authorization: Bearer $TOKEN" \\
          "$SERVER/v1/records/$INDEX/payload" -o payload
        ```

        The payload has the digest of the line (an erased one answers 410, with the index of its
        certificate):

        ```sh
        sha256sum payload
        ```

        With Strongroom at hand, that is all; it says each step with what was compared:

        ```sh
        strongroom verify payload --receipt receipt.json --key "$KEY"
        ```

        Without it: the record is the text `record` of the receipt, and names the digest, the name
        and the lock under which it was taken (a sealed record names a commitment; its `opening`
        has the rest: SHA-256 of the byte 2, the salt and the description). These lines climb from
        the record to the root (RFC 9162, section 2.1.3.2) and write down what the signature
        is about:

        ```python
        import base64, hashlib, json, os

        def sha256(data):
            return hashlib.sha256(data).digest()

        receipt = json.load(open("receipt.json"))
        node = sha256(b"\\x00" + receipt["record"].encode())
        place, last = receipt["index"], receipt["treeSize"] - 1
        for sibling in map(base64.b64decode, receipt["proof"]):
            assert last > 0
            if place & 1 or place == last:
                node = sha256(b"\\x01" + sibling + node)
                while place and not place & 1:
                    place, last = place >> 1, last >> 1
            else:
                node = sha256(b"\\x01" + node + sibling)
            place, last = place >> 1, last >> 1
        assert last == 0
        text, _, lines = receipt["checkpoint"].partition("\\n\\n")
        origin, size, root = (text + "\\n").split("\\n")[:3]
        assert int(size) == receipt["treeSize"]
        assert base64.b64encode(node).decode() == root, "another tree"
        name, number, key = os.environ["KEY"].split("+", 2)
        assert origin == name, "another log"
        signatures = [base64.b64decode(line.split(" ")[2])
                      for line in lines.splitlines() if line.startswith("\\u2014 " + name + " ")]
        (signature,) = [found[4:] for found in signatures if found[:4].hex() == number]
        open("signed", "wb").write((text + "\\n").encode())
        open("signature", "wb").write(signature)
        # An Ed25519 key as RFC 8410 has it.
        prefix = bytes.fromhex("302a300506032b6570032100")
        open("key.der", "wb").write(prefix + base64.b64decode(key)[1:])
        print(root)
        print(receipt["record"])
        ```

        The root that it prints is that of the checkpoint above. That the log has signed it:

        ```sh
        openssl pkeyutl -verify -pubin -keyform DER -inkey key.der -rawin \\
          -in signed -sigfile signature
        ```

        A later act may have changed the lock in force after this checkpoint:
        `strongroom show INDEX` tells what stands now, with the records that say so.

        """
    }
}
