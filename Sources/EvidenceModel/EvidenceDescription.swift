public import Cryptography

/// What a record says of the evidence itself: everything that a sealed record hides.
public struct EvidenceDescription: Hashable, Sendable {
    /// The name, a relative path.
    public let name: EvidenceName
    /// The payload's media type.
    public let mediaType: MediaType
    /// The labels.
    public let labels: Labels
    /// SHA-256 of the payload.
    public let payloadDigest: SHA256Digest
    /// The payload's size in bytes, below 2^53.
    public let payloadSize: UInt64
    /// The client's name for the request, if it gave one.
    public let idempotencyKey: IdempotencyKey?
    /// Who pushed it.
    public let submitter: Submitter
    /// The trace that the request belonged to, if it named one.
    public let traceparent: Traceparent?

    /// A description of valid parts.
    ///
    /// - Precondition: `payloadSize` is below 2^53.
    public init(
        name: EvidenceName,
        mediaType: MediaType = .octetStream,
        labels: Labels = .none,
        payloadDigest: SHA256Digest,
        payloadSize: UInt64,
        idempotencyKey: IdempotencyKey? = nil,
        submitter: Submitter = .anonymous,
        traceparent: Traceparent? = nil
    ) {
        precondition(
            payloadSize <= UInt64(JSONValue.maximumInteger),
            "a payload of 2^53 bytes or more"
        )
        self.name = name
        self.mediaType = mediaType
        self.labels = labels
        self.payloadDigest = payloadDigest
        self.payloadSize = payloadSize
        self.idempotencyKey = idempotencyKey
        self.submitter = submitter
        self.traceparent = traceparent
    }

    /// The canonical JSON that a sealed record commits to: an object of the members
    /// `idempotencyKey`, `labels`, `mediaType`, `name`, `payload`, `submitter`, `traceparent`;
    /// absent when there is none.
    public var canonicalBytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(512)
        bytes.append(JSONReader.openBrace)
        appendIdempotencyKey(to: &bytes)
        appendLabels(to: &bytes)
        appendMediaTypeNameAndPayload(to: &bytes)
        appendSubmitterAndTraceparent(to: &bytes)
        bytes.append(JSONReader.closeBrace)
        return bytes
    }

    // The fragments below are those of an open record too; `RecordTemplate` puts its own members
    // between them. Each but the last ends with a comma.

    func appendIdempotencyKey(to bytes: inout [UInt8]) {
        guard let idempotencyKey else { return }
        bytes.append(ascii: "\"idempotencyKey\":")
        CanonicalJSON.append(string: idempotencyKey.text, to: &bytes)
        bytes.append(JSONReader.comma)
    }

    func appendLabels(to bytes: inout [UInt8]) {
        guard !labels.isEmpty else { return }
        bytes.append(ascii: "\"labels\":")
        labels.appendCanonical(to: &bytes)
        bytes.append(JSONReader.comma)
    }

    func appendMediaTypeNameAndPayload(to bytes: inout [UInt8]) {
        bytes.append(ascii: "\"mediaType\":")
        CanonicalJSON.append(string: mediaType.text, to: &bytes)
        bytes.append(ascii: ",\"name\":")
        CanonicalJSON.append(string: name.text, to: &bytes)
        bytes.append(ascii: ",\"payload\":{\"sha256\":\"")
        payloadDigest.appendHex(to: &bytes)
        bytes.append(ascii: "\",\"size\":")
        CanonicalJSON.append(integer: Int64(payloadSize), to: &bytes)
        bytes.append(ascii: "},")
    }

    func appendSubmitterAndTraceparent(to bytes: inout [UInt8]) {
        bytes.append(ascii: "\"submitter\":")
        CanonicalJSON.append(string: submitter.text, to: &bytes)
        guard let traceparent else { return }
        bytes.append(ascii: ",\"traceparent\":")
        CanonicalJSON.append(string: traceparent.text, to: &bytes)
    }
}

extension Labels {
    /// Appends the labels as a canonical object; their keys are ASCII and sorted already.
    func appendCanonical(to bytes: inout [UInt8]) {
        bytes.append(JSONReader.openBrace)
        for (index, label) in sorted.enumerated() {
            if index > 0 { bytes.append(JSONReader.comma) }
            CanonicalJSON.append(string: label.key, to: &bytes)
            bytes.append(JSONReader.colon)
            CanonicalJSON.append(string: label.value, to: &bytes)
        }
        bytes.append(JSONReader.closeBrace)
    }
}

extension SHA256Digest {
    /// Appends the 64 digits.
    func appendHex(to bytes: inout [UInt8]) {
        withSpan { Hex.append($0, to: &bytes) }
    }
}

extension [UInt8] {
    /// Appends a fixed piece of text.
    mutating func append(ascii text: String) {
        append(contentsOf: text.utf8)
    }
}
