internal import COpenSSL

/// The certificates that a time-stamp's must lead to.
///
/// Immutable, and safe from any thread.
package final class TimeStampAnchors: Sendable {
    private let certificates: [Certificate]

    /// Reads all certificates of a PEM file, as `openssl ts -verify -CAfile` does.
    ///
    /// - Throws: `anchors` if there is none, or one cannot be read.
    package init(pem: [UInt8]) throws(TimeStampError) {
        var found: [Certificate] = []
        ERR_clear_error()
        let source = unsafe BIO_new_mem_buf(pem, Int32(clamping: pem.count))
        defer { unsafe BIO_free(source) }
        while let certificate = unsafe PEM_read_bio_X509(source, nil, nil, nil) {
            found.append(unsafe Certificate(owning: certificate))
        }
        let reason = ERR_GET_REASON(ERR_peek_last_error())
        ERR_clear_error()
        // The end of the text is told as a missing start line.
        guard !found.isEmpty, reason == PEM_R_NO_START_LINE else {
            throw .anchors("it has no certificates in PEM, or one of them cannot be read")
        }
        certificates = found
    }

    /// Those of several together.
    package init(_ anchors: [TimeStampAnchors]) {
        certificates = anchors.flatMap(\.certificates)
    }

    /// SHA-256 of their public keys.
    package var keys: Set<SHA256Digest> {
        Set(certificates.map { unsafe Self.keyDigest(of: $0.pointer) })
    }

    /// One certificate, freed with the last reference to it.
    @safe
    private final class Certificate: @unchecked Sendable {
        // Sendable holds: it is only read, and OpenSSL locks what it caches in it.
        let pointer: OpaquePointer

        init(owning pointer: OpaquePointer) { unsafe self.pointer = pointer }

        deinit { unsafe X509_free(pointer) }
    }

    /// What a verified token's certificate says.
    package struct Signer: Equatable, Sendable {
        /// `/C=DE/CN=…`.
        package let subject: String
        /// When the signer's certificate ends, in milliseconds since 1970.
        package let certificateEnds: Int64
        /// When the first certificate of its chain ends: until then the token can be renewed.
        package let chainEnds: Int64
        /// SHA-256 of the public keys of the chain's certificates.
        package let keys: Set<SHA256Digest>
    }

    /// Verifies a token's signature, and its certificate as of a time.
    ///
    /// The signer's certificate must lead to one of these, be for time-stamping alone (critical
    /// extended key usage), and be the one that the signature names (ESSCertID or ESSCertIDv2).
    ///
    /// - Throws: `malformed`, `signature`, `certificate`.
    ///
    /// Reference: RFC 3161 section 2.3; `TS_RESP_verify_signature`.
    package func verify(
        _ token: TimeStampToken,
        at milliseconds: Int64
    ) throws(TimeStampError) -> Signer {
        ERR_clear_error()
        defer { ERR_clear_error() }
        let message = unsafe Self.message(token.encoded)
        defer { unsafe PKCS7_free(message) }
        // Both parsers must have found the same bytes to be signed.
        var count: Int32 = 0
        guard let message = unsafe message,
            let content = unsafe openssl_signed_content(message, &count),
            unsafe token.content.elementsEqual(
                UnsafeBufferPointer(start: content, count: Int(count))
            )
        else { throw .malformed("OpenSSL does not read it") }
        let store = unsafe try Self.store(of: certificates, at: milliseconds)
        defer { unsafe X509_STORE_free(store) }
        var signer: OpaquePointer?
        guard unsafe TS_RESP_verify_signature(message, nil, store, &signer) == 1,
            let signer = unsafe signer
        else { throw Self.failure() }
        defer { unsafe X509_free(signer) }
        let chain = unsafe try Self.chain(signer, message, store)
        return unsafe Signer(
            subject: Self.subject(of: signer),
            certificateEnds: try Self.end(of: signer),
            chainEnds: chain.end,
            keys: chain.keys
        )
    }

    private static func message(_ bytes: [UInt8]) -> UnsafeMutablePointer<PKCS7>? {
        unsafe bytes.withUnsafeBufferPointer { buffer in
            var position = buffer.baseAddress
            let message = unsafe d2i_PKCS7(nil, &position, buffer.count)
            guard unsafe position == buffer.baseAddress.map({ unsafe $0 + buffer.count }) else {
                unsafe PKCS7_free(message)
                return nil
            }
            return unsafe message
        }
    }

    /// A store of the anchors that judges as of a time.
    private static func store(
        of certificates: [Certificate],
        at milliseconds: Int64
    ) throws(TimeStampError) -> OpaquePointer {
        guard let store = unsafe X509_STORE_new() else {
            preconditionFailure("OpenSSL has no memory for certificates")
        }
        for certificate in certificates {
            guard unsafe X509_STORE_add_cert(store, certificate.pointer) == 1 else {
                unsafe X509_STORE_free(store)
                throw .anchors("OpenSSL does not take a trusted certificate")
            }
        }
        let parameters = unsafe X509_STORE_get0_param(store)
        unsafe X509_VERIFY_PARAM_set_time(parameters, Int(milliseconds / 1000))
        return unsafe store
    }

    /// When the first certificate of the chain ends, and the keys of all.
    private static func chain(
        _ signer: OpaquePointer,
        _ message: UnsafeMutablePointer<PKCS7>,
        _ store: OpaquePointer
    ) throws(TimeStampError) -> (end: Int64, keys: Set<SHA256Digest>) {
        let context = unsafe X509_STORE_CTX_new()
        defer { unsafe X509_STORE_CTX_free(context) }
        guard
            unsafe X509_STORE_CTX_init(
                context,
                store,
                signer,
                openssl_signed_certificates(message)
            ) == 1,
            unsafe X509_STORE_CTX_set_purpose(context, X509_PURPOSE_TIMESTAMP_SIGN) == 1,
            unsafe X509_verify_cert(context) == 1,
            let chain = unsafe X509_STORE_CTX_get0_chain(context)
        else { throw failure() }
        var end = Int64.max
        var keys: Set<SHA256Digest> = []
        for place in 0..<(unsafe openssl_chain_count(chain)) {
            guard let certificate = unsafe openssl_chain_certificate(chain, place) else { continue }
            end = min(end, unsafe try Self.end(of: certificate))
            keys.insert(unsafe keyDigest(of: certificate))
        }
        return (end, keys)
    }

    private static func keyDigest(of certificate: OpaquePointer) -> SHA256Digest {
        var bytes = [UInt8](repeating: 0, count: SHA256Digest.sizeBytes)
        guard unsafe X509_pubkey_digest(certificate, EVP_sha256(), &bytes, nil) == 1,
            let digest = SHA256Digest(bytes.span)
        else {
            preconditionFailure("OpenSSL cannot hash the key of a certificate that it has read")
        }
        return digest
    }

    private static func end(of certificate: OpaquePointer) throws(TimeStampError) -> Int64 {
        let epoch = unsafe ASN1_TIME_set(nil, 0)
        defer { unsafe ASN1_STRING_free(epoch) }
        var (days, seconds): (Int32, Int32) = (0, 0)
        guard
            unsafe ASN1_TIME_diff(&days, &seconds, epoch, X509_get0_notAfter(certificate)) == 1
        else { throw .certificate("its end cannot be read") }
        return (Int64(days) * 86_400 + Int64(seconds)) * 1000
    }

    private static func subject(of certificate: OpaquePointer) -> String {
        var buffer = [CChar](repeating: 0, count: 512)
        let name = unsafe X509_get_subject_name(certificate)
        unsafe _ = X509_NAME_oneline(name, &buffer, Int32(buffer.count))
        let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// What OpenSSL says of the last failure.
    private static func failure() -> TimeStampError {
        var words: [String] = []
        var isAboutCertificate = false
        while true {
            var data: UnsafePointer<CChar>?
            var flags: Int32 = 0
            let code = unsafe ERR_get_error_all(nil, nil, nil, &data, &flags)
            guard code != 0 else { break }
            if ERR_GET_LIB(code) == ERR_LIB_TS,
                ERR_GET_REASON(code) == TS_R_CERTIFICATE_VERIFY_ERROR
            {
                isAboutCertificate = true
            }
            if let reason = unsafe ERR_reason_error_string(code) {
                words.append(unsafe String(cString: reason))
            }
            if flags & ERR_TXT_STRING != 0, let data = unsafe data {
                let text = unsafe String(cString: data)
                if !text.isEmpty { words.append(text) }
            }
        }
        let detail = words.isEmpty ? "OpenSSL does not say why" : words.joined(separator: ": ")
        return isAboutCertificate ? .certificate(detail) : .signature(detail)
    }
}
