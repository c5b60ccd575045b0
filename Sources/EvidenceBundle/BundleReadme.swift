import Cryptography
import EvidenceModel
import TransparencyLog

/// `README.html`: what a bundle is, for a person who never heard of Strongroom; prints well.
struct BundleReadme {
    let facts: BundleFacts

    var html: String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <title>Evidence bundle \(facts.index) of \(Self.escaped(facts.origin))</title>
        <style>
        body { font: 11pt/1.5 Georgia, serif; max-width: 46em; margin: 2em auto; padding: 0 1em; }
        h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin-top: 1.6em; }
        table { border-collapse: collapse; width: 100%; }
        th, td { text-align: left; vertical-align: top; padding: .25em .6em .25em 0; }
        th { white-space: nowrap; font-weight: normal; color: #444; }
        tr { border-top: 1px solid #ccc; }
        code, pre { font: .9em/1.4 monospace; overflow-wrap: anywhere; white-space: pre-wrap; }
        pre { border: 1px solid #ccc; padding: .6em; }
        @media print { body { margin: 0; max-width: none; } h2 { break-after: avoid; } }
        </style>
        </head>
        <body>
        <h1>Evidence bundle \(facts.index)</h1>
        <p>Evidence that was taken out of the append-only log
        <code>\(Self.escaped(facts.origin))</code>, with everything that is needed to check that
        it is complete and unchanged. No network and no other program than Python 3 is needed,
        and whoever made or carried the bundle need not be trusted.</p>
        \(table)
        <h2>How to check it</h2>
        <ol>
        <li>Get the log's <em>verifier key</em> from somebody you trust, not from this bundle:
        from the log's owner in person, an earlier receipt, a witness or a monitor. A key out of
        the bundle proves nothing, since whoever forges a bundle puts in a key of their own.</li>
        <li>Make sure that <code>verify.py</code> is the one that was released. Its SHA-256 is
        <pre>\(facts.export.verifier.hex)</pre>
        Do not take that from this page either: <code>strongroom version</code> prints it, and
        it stands in the log's first record. Or read the program: it is one file, and uses
        nothing but Python's standard library.</li>
        <li>In the directory of this page run
        <pre>python3 -I verify.py --key VERIFIER-KEY</pre>
        It checks every file, says what it compared, and ends with <code>verified</code> or with
        the name of each file that is not as it should be.</li>
        </ol>
        <p>The directory is a bag (RFC 8493) as well: any BagIt tool finds accidental damage. With
        Strongroom at hand <code>strongroom verify BUNDLE.tar --key VERIFIER-KEY</code> checks the
        archive as it is.</p>
        <h2>What is in it</h2>
        <table>
        \(rows(Self.parts))
        </table>
        <h2>Who confirmed it from outside</h2>
        \(confirmations)
        <h2>What it proves, and what not</h2>
        <p>Each record is a leaf of a Merkle tree (RFC 6962) whose root the log signed; the record
        names the evidence by its SHA-256. So no byte of a record or of a payload can be changed,
        and no record can be added, without the log's signing key. That nothing was left out is
        shown by the numbers that the records of a collection have, and by the record of this
        export, which counts them.</p>
        <p>A bundle alone cannot show that the log tells everybody the same (compare
        <code>checkpoint</code> with a witness's or a monitor's), nor that no later act released a
        hold or changed a lock (ask the log). <code>access.jsonl</code>,
        <code>bag-info.txt</code> and this page are not signed.</p>
        </body>
        </html>

        """
    }

    private var confirmations: String {
        let findings = facts.attestation.findings
        guard !findings.isEmpty else {
            return """
                <p>Nobody was asked: the server that made this bundle knows no witness. So nothing
                but the log's own signature says when this tree existed, and that all others were
                shown the same one.</p>
                """
        }
        return """
            <p>These were asked to confirm the checkpoint when the bundle was made. What they
            signed stands in the bundle and can be checked with their own keys
            (<code>verify.py --policy</code>); this list is only what the server tells.</p>
            <table>
            \(rows(findings.map { ($0.who, $0.what) }))
            </table>
            """
    }

    private var table: String {
        let counts = facts.counts
        let collections = counts.collections.sorted { $0.key < $1.key }.map { name, count in
            "\(name.text): \(Self.number(count))"
        }
        let list: [(String, String)] = [
            ("Log", facts.origin),
            ("Exported", "\(facts.record.received.rfc3339) by \(facts.record.principal.text)"),
            ("Reason", facts.record.reason?.text ?? "none was given"),
            ("Asked for", selection),
            ("Evidence", "\(Self.number(counts.evidence)) records"),
            ("by collection", collections.joined(separator: ", ")),
            (
                "Payloads",
                "\(Self.number(counts.payloads)), \(Self.number(counts.payloadBytes)) bytes"
            ),
            ("Erased before", "\(Self.number(counts.evidence - counts.payloads)) payloads"),
            ("Tree", "\(Self.number(facts.size.value)) records; see the file checkpoint"),
            ("Made with", facts.software),
        ]
        return "<table>\n\(rows(list))\n</table>"
    }

    private var selection: String {
        let selection = facts.export.selection
        var parts: [String] = []
        if let matter = selection.matter { parts.append("held by the matter \(matter.text)") }
        if let collection = selection.collection {
            parts.append("of the collection \(collection.text)")
        }
        if let prefix = selection.namePrefix { parts.append("with a name that begins \(prefix)") }
        for label in selection.labels.sorted {
            parts.append("with the label \(label.key)=\(label.value)")
        }
        if let digest = selection.payloadDigest {
            parts.append("with a payload whose SHA-256 is \(digest.hex)")
        }
        if let since = selection.since { parts.append("received since \(since.rfc3339)") }
        if let until = selection.until { parts.append("received before \(until.rfc3339)") }
        return parts.isEmpty ? "all evidence" : parts.joined(separator: ", ")
    }

    private static let parts: [(String, String)] = [
        ("data/payloads/<index>/", "the evidence itself, each under its record's number"),
        ("log/entries.txt", "the records, and the hashes that lead from them to the root"),
        ("log/openings.txt", "what sealed records hide, with the salt; if there are any"),
        ("checkpoint", "size and root of the tree, signed by the log and by its witnesses"),
        (
            "timestamps/<authority>.tst",
            "time-stamp tokens (RFC 3161) over the text of the checkpoint; if there are any"
        ),
        ("locks.jsonl", "retention locks, legal holds and erasures of each record"),
        ("access.jsonl", "who read these records before the export; if anybody did"),
        ("bundle.json", "what the bundle claims to hold"),
        ("keys.txt", "the log's verifier keys, for comparison only"),
        ("verify.py", "the verifier"),
        ("manifest-sha256.txt, tagmanifest-sha256.txt, bagit.txt, bag-info.txt", "BagIt"),
    ]

    private func rows(_ list: [(String, String)]) -> String {
        list.map { "<tr><th>\(Self.escaped($0.0))</th><td>\(Self.escaped($0.1))</td></tr>" }
            .joined(separator: "\n")
    }

    /// `1,234,567`.
    private static func number(_ value: UInt64) -> String {
        var digits = Array(String(value))
        var place = digits.count - 3
        while place > 0 {
            digits.insert(",", at: place)
            place -= 3
        }
        return String(digits)
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }
}
