import Attestation
import Cryptography
import Foundation
import Platform
import Testing

@Suite struct TimeStampTokenTests {
    private static let authority = Result { try TestAuthority() }
    private static let data = Array("a checkpoint\n".utf8)

    private func authority() throws -> TestAuthority { try Self.authority.get() }

    private func now() -> Int64 { Clock.wallMilliseconds() }

    @Test func aTokenIsReadAndVerified() throws {
        let authority = try authority()
        let before = now()
        let token = try authority.token(Self.data)
        #expect(token.imprint == TimeStampDigest.sha256.hash(Self.data))
        #expect("\(token.policy)" == "1.2.3.4.1")
        #expect(token.accuracyMicroseconds == 1_500_100)
        #expect((before - 1...now() + 1).contains(token.milliseconds))
        #expect(!token.serial.isEmpty)
        let signer = try authority.anchors.verify(token, at: now())
        #expect(signer.subject == "/CN=Test tsa")
        let days = (signer.certificateEnds - now()) / 86_400_000
        #expect((3648...3650).contains(days))
        #expect(signer.chainEnds == signer.certificateEnds)
    }

    @Test(arguments: TimeStampDigest.allCases)
    func everyDigestWorks(_ digest: TimeStampDigest) throws {
        let token = try authority().token(Self.data, digest: digest)
        #expect(token.digest == digest)
        _ = try authority().anchors.verify(token, at: now())
    }

    /// The bytes of `openssl ts -query` with the same nonce.
    @Test func aRequestIsWhatOpenSSLReads() throws {
        let request = TimeStampRequest(
            digest: .sha256,
            imprint: TimeStampDigest.sha256.hash(Self.data),
            nonce: 0xfedc_ba98_7654_3210
        )
        let authority = try authority()
        let path = "\(authority.directory)/own.tsq"
        try Data(request.encoded).write(to: URL(fileURLWithPath: path))
        try TestAuthority.openssl(
            "ts",
            "-query",
            "-in",
            path,
            "-out",
            "\(path).again"
        )
        #expect(try FileSystem.contents("\(path).again") == request.encoded)
    }

    @Test func anotherNonceOrImprintIsRefused() throws {
        let authority = try authority()
        let imprint = TimeStampDigest.sha256.hash(Self.data)
        let asked = TimeStampRequest(digest: .sha256, imprint: imprint, nonce: 1 << 63)
        let reply = try authority.reply(to: asked.encoded)
        _ = try asked.token(inResponse: reply)
        #expect(throws: TimeStampError.wrongNonce) {
            try TimeStampRequest(digest: .sha256, imprint: imprint, nonce: 2).token(
                inResponse: reply
            )
        }
        #expect(throws: TimeStampError.wrongImprint) {
            try TimeStampRequest(
                digest: .sha256,
                imprint: TimeStampDigest.sha256.hash([1]),
                nonce: 1 << 63
            ).token(inResponse: reply)
        }
    }

    @Test func aRefusalSaysWhy() throws {
        // A policy that the authority does not know.
        let imprint = TimeStampDigest.sha256.hash(Self.data)
        let path = "\(try authority().directory)/policy.tsq"
        try TestAuthority.openssl(
            "ts",
            "-query",
            "-digest",
            Hex.encode(imprint.span),
            "-sha256",
            "-tspolicy",
            "1.9.9",
            "-out",
            path
        )
        let reply = try authority().reply(to: try FileSystem.contents(path))
        #expect {
            try TimeStampToken(parsingResponse: reply)
        } throws: { error in
            guard case .refused(2, let text) = error as? TimeStampError else { return false }
            return text.contains("policy")
        }
    }

    @Test func anotherAuthorityIsNotTrusted() throws {
        let other = try TestAuthority("Other")
        let token = try authority().token(Self.data)
        let instant = now()
        #expect { try other.anchors.verify(token, at: instant) } throws: { Self.isCertificate($0) }
        let both = TimeStampAnchors([other.anchors, try authority().anchors])
        _ = try both.verify(token, at: instant)
    }

    @Test func acertificateThatHasEndedOrNotBegunIsRefused() throws {
        let authority = try TestAuthority("Short", days: 1)
        let token = try authority.token(Self.data)
        let instant = now()
        #expect(try authority.anchors.verify(token, at: instant).certificateEnds > instant)
        for days in [2, -1] {
            #expect {
                try authority.anchors.verify(token, at: instant + Int64(days) * 86_400_000)
            } throws: { Self.isCertificate($0) }
        }
    }

    @Test(arguments: [
        "extendedKeyUsage=timeStamping", "extendedKeyUsage=critical,timeStamping,codeSigning",
        "extendedKeyUsage=critical,codeSigning",
    ])
    func aCertificateForSomethingElseIsRefused(_ usage: String) throws {
        // OpenSSL's own command does not stamp with such a certificate: it takes the place of a
        // good one with the same key, names and number in a token.
        let authority = try authority()
        let token = try authority.token(Self.data)
        let good = try authority.certificate()
        _ = try authority.anchors.verify(try Self.bringing(good, token), at: now())
        let other = try authority.certificate(usage: usage)
        let changed = try Self.bringing(other, token)
        let instant = now()
        #expect { try authority.anchors.verify(changed, at: instant) } throws: {
            Self.isCertificate($0)
        }
    }

    /// The token with another certificate in the place of those that it brings.
    private static func bringing(
        _ certificate: [UInt8],
        _ token: TimeStampToken
    ) throws -> TimeStampToken {
        var outer = DERReader(token.encoded[...])
        var information = try outer.next().reader
        let type = try information.next().encoded
        var explicit = try information.next().reader
        var signed = try explicit.next().reader
        var parts: [[UInt8]] = []
        while !signed.isAtEnd {
            let part = try signed.next()
            parts.append(
                part.tag == DER.context(0)
                    ? DER.element(DER.context(0), certificate) : Array(part.encoded)
            )
        }
        let message = DER.element(DER.context(0), DER.element(DER.sequence, parts))
        return try TimeStampToken(parsing: DER.element(DER.sequence, Array(type), message))
    }

    /// A token is refused, or says the same, whichever byte of it is changed or where it is cut.
    @Test func noChangedByteIsBelieved() throws {
        let authority = try authority()
        let token = try authority.token(Self.data)
        let instant = now()
        for count in 0..<token.encoded.count {
            #expect(throws: TimeStampError.self) {
                try TimeStampToken(parsing: Array(token.encoded.prefix(count)))
            }
        }
        var refused = 0
        for place in token.encoded.indices {
            for bit: UInt8 in [0x01, 0x80] {
                var bytes = token.encoded
                bytes[place] ^= bit
                guard let changed = try? TimeStampToken(parsing: bytes),
                    (try? authority.anchors.verify(changed, at: instant)) != nil
                else {
                    refused += 1
                    continue
                }
                // What is not signed may change: algorithms named twice, a certificate too many.
                #expect(changed.content == token.content, "byte \(place) was changed")
            }
        }
        #expect(refused > token.encoded.count)
    }

    @Test func noChangedResponseTraps() throws {
        let authority = try authority()
        let request = TimeStampRequest(
            digest: .sha256,
            imprint: TimeStampDigest.sha256.hash(Self.data),
            nonce: 7
        )
        let reply = try authority.reply(to: request.encoded)
        var refused = 0
        for place in reply.indices {
            for byte in [0x00, 0x7f, 0x80, 0x84, 0xff] where reply[place] != UInt8(byte) {
                var bytes = reply
                bytes[place] = UInt8(byte)
                if (try? request.token(inResponse: bytes)) == nil { refused += 1 }
            }
            #expect(throws: TimeStampError.self) {
                try request.token(inResponse: Array(reply.prefix(place)))
            }
        }
        #expect(refused > 0)
        #expect(throws: TimeStampError.self) { try request.token(inResponse: reply + [0]) }
    }

    @Test func aFileWithoutCertificatesIsRefused() throws {
        for text in [
            "", "nothing", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            #expect(throws: TimeStampError.self) { try TimeStampAnchors(pem: Array(text.utf8)) }
        }
    }

    private static func isCertificate(_ error: any Error) -> Bool {
        if case .certificate = error as? TimeStampError { true } else { false }
    }
}
