import Attestation
import Cryptography
import Foundation
import Glibc
import Platform
import Testing

/// An authority made with the `openssl` command: a CA of its own and a certificate for stamping.
final class TestAuthority: Sendable {
    let directory: String
    let anchors: TimeStampAnchors
    /// Each request has a number of its own.
    private let requests = Platform.Mutex(0)

    /// `days`: how long the certificate is valid.
    init(
        _ name: String = "Test",
        days: Int = 3650
    ) throws {
        directory = "/tmp/strongroom-tsa-\(Hex.encode(Random.bytes(count: 8).span))"
        try FileSystem.makeDirectory(directory)
        let directory = directory
        Self.removedAtExit.withLock { $0.append(directory) }
        try Self.write("basicConstraints=critical,CA:TRUE\n", "\(directory)/ca.ext")
        try Self.write("extendedKeyUsage=critical,timeStamping\n", "\(directory)/tsa.ext")
        try Self.write("01\n", "\(directory)/serial")
        try Self.write(Self.configuration(directory), "\(directory)/tsa.cnf")
        for file in ["ca", "tsa"] {
            try Self.openssl(
                "req",
                "-new",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
                "-keyout",
                "\(directory)/\(file).key",
                "-out",
                "\(directory)/\(file).csr",
                "-subj",
                "/CN=\(name) \(file)"
            )
        }
        try Self.openssl(
            "x509",
            "-req",
            "-in",
            "\(directory)/ca.csr",
            "-signkey",
            "\(directory)/ca.key",
            "-days",
            "36500",
            "-extfile",
            "\(directory)/ca.ext",
            "-out",
            "\(directory)/ca.pem"
        )
        try Self.certify(in: directory, "tsa.ext", days: days, form: "PEM", to: "tsa.pem")
        anchors = try TimeStampAnchors(pem: try FileSystem.contents("\(directory)/ca.pem"))
    }

    deinit { try? FileSystem.removeTree(directory) }

    /// The directories of all: suites keep theirs in constants, which are never let go of.
    private static let removedAtExit: Platform.Mutex<[String]> = {
        atexit { TestAuthority.removeAll() }
        return Platform.Mutex([])
    }()

    private static func removeAll() {
        for directory in removedAtExit.withLock({ $0 }) { try? FileSystem.removeTree(directory) }
    }

    /// Answers a request as `openssl ts` does.
    func reply(to query: [UInt8]) throws -> [UInt8] {
        let number = requests.withLock { number in
            number += 1
            return number
        }
        let (asked, answered) = ("\(directory)/\(number).tsq", "\(directory)/\(number).tsr")
        try Data(query).write(to: URL(fileURLWithPath: asked))
        try requests.withLock { _ in
            try Self.openssl(
                "ts",
                "-reply",
                "-config",
                "\(directory)/tsa.cnf",
                "-section",
                "tsa",
                "-queryfile",
                asked,
                "-out",
                answered,
                "-inkey",
                "\(directory)/tsa.key",
                "-signer",
                "\(directory)/tsa.pem",
                "-chain",
                "\(directory)/ca.pem"
            )
        }
        return try FileSystem.contents(answered)
    }

    /// A token over some data.
    func token(
        _ data: [UInt8],
        digest: TimeStampDigest = .sha256
    ) throws -> TimeStampToken {
        try token(imprint: digest.hash(data), digest: digest)
    }

    func token(imprint: [UInt8], digest: TimeStampDigest = .sha256) throws -> TimeStampToken {
        let request = TimeStampRequest(
            digest: digest,
            imprint: imprint,
            nonce: .random(in: 0 ... .max)
        )
        return try request.token(inResponse: try reply(to: request.encoded))
    }

    /// The certificate that stamps, as DER.
    func certificate() throws -> [UInt8] {
        let path = "\(directory)/tsa.der"
        try Self.openssl("x509", "-in", "\(directory)/tsa.pem", "-outform", "DER", "-out", path)
        return try FileSystem.contents(path)
    }

    /// Another certificate of the same key, names and number, as DER.
    func certificate(usage: String) throws -> [UInt8] {
        let name = Hex.encode(Random.bytes(count: 8).span)
        try Self.write("\(usage)\n", "\(directory)/\(name).ext")
        try Self.certify(in: directory, "\(name).ext", days: 3650, form: "DER", to: name)
        return try FileSystem.contents("\(directory)/\(name)")
    }

    /// The CA signs a certificate for the key that stamps; all have one number.
    private static func certify(
        in directory: String,
        _ extensions: String,
        days: Int,
        form: String,
        to name: String
    ) throws {
        try openssl(
            "x509",
            "-req",
            "-in",
            "\(directory)/tsa.csr",
            "-CA",
            "\(directory)/ca.pem",
            "-CAkey",
            "\(directory)/ca.key",
            "-set_serial",
            "77",
            "-days",
            "\(days)",
            "-extfile",
            "\(directory)/\(extensions)",
            "-outform",
            form,
            "-out",
            "\(directory)/\(name)"
        )
    }

    private static func write(_ text: String, _ path: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }

    static func openssl(_ arguments: String...) throws {
        let child = try ChildProcess(executable: "/usr/bin/openssl", arguments: arguments)
        var said: [UInt8] = []
        while true {
            let piece = try child.readStandardError()
            guard !piece.isEmpty else { break }
            said += piece
        }
        let ending = try child.wait()
        try #require(ending == .exited(0), "openssl: \(String(decoding: said, as: UTF8.self))")
    }

    private static func configuration(_ directory: String) -> String {
        """
        [tsa]
        serial = \(directory)/serial
        crypto_device = builtin
        signer_digest = sha256
        default_policy = 1.2.3.4.1
        digests = sha256, sha384, sha512
        accuracy = secs:1, millisecs:500, microsecs:100
        clock_precision_digits = 3
        ordering = yes
        tsa_name = yes
        ess_cert_id_chain = no
        ess_cert_id_alg = sha256

        """
    }
}

/// Authorities by their URLs; what is not there is silent, what was told to fail fails.
final class TestTransport: AttestationTransport {
    private struct State {
        var authorities: [String: TestAuthority] = [:]
        var answers: [String: AttestationResponse] = [:]
        var requests: [String: Int] = [:]
    }

    private let state = Platform.Mutex(State())

    func set(_ url: String, _ authority: TestAuthority?) {
        state.withLock { $0.authorities[url] = authority }
    }

    /// What is answered instead, whatever is asked.
    func answer(_ url: String, _ answer: AttestationResponse?) {
        state.withLock { $0.answers[url] = answer }
    }

    func requests(_ url: String) -> Int { state.withLock { $0.requests[url] ?? 0 } }

    func post(
        _ body: [UInt8],
        mediaType: String,
        to url: String,
        deadlineMilliseconds: Int
    ) throws(AttestationSilence) -> AttestationResponse {
        precondition(mediaType == "application/timestamp-query")
        let (authority, answer) = state.withLock { state in
            state.requests[url, default: 0] += 1
            return (state.authorities[url], state.answers[url])
        }
        if let answer { return answer }
        guard let authority else { throw AttestationSilence("connection refused") }
        do {
            return AttestationResponse(
                status: 200,
                mediaType: "application/timestamp-reply",
                body: try authority.reply(to: body)
            )
        } catch { throw AttestationSilence("\(error)") }
    }
}
