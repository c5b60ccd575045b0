/// A time-stamp token as it was read: nothing in it is verified yet.
///
/// ``TimeStampAnchors`` verifies it.
///
/// Reference: RFC 3161 section 2.4.2; RFC 5652 section 5.
package struct TimeStampToken: Equatable, Sendable {
    /// The largest that is read.
    package static let maximumBytes = 256 << 10

    /// The token's DER: a `ContentInfo`.
    package let encoded: [UInt8]
    /// `TSTInfo`, which is what the authority signs.
    package let content: [UInt8]
    package let policy: OID
    package let digest: TimeStampDigest
    /// The digest of what was stamped.
    package let imprint: [UInt8]
    /// Hexadecimal, unique within the authority.
    package let serial: String
    /// When, in milliseconds since 1970.
    package let milliseconds: Int64
    /// How far off that may be, in microseconds; nil if the authority does not say.
    package let accuracyMicroseconds: UInt64?
    /// The content bytes of the nonce; nil if there is none.
    package let nonce: [UInt8]?

    /// Reads a token.
    ///
    /// - Throws: `malformed`.
    package init(parsing bytes: [UInt8]) throws(TimeStampError) {
        do throws(DERError) {
            try self.init(checking: bytes)
        } catch {
            throw .malformed(error.description)
        }
    }

    /// Reads the token in a response.
    ///
    /// - Throws: `malformed`, `refused`.
    package init(parsingResponse bytes: [UInt8]) throws(TimeStampError) {
        var token: [UInt8]?
        var status = 0
        var text = ""
        do throws(DERError) {
            var outer = DERReader(bytes[...])
            var response = try outer.next(DER.sequence).reader
            try outer.finish()
            var information = try response.next(DER.sequence).reader
            status = Int(try Self.small(try information.next(DER.integer)))
            if var texts = try information.optional(DER.sequence)?.reader {
                while !texts.isAtEnd {
                    let line = try texts.next(DER.utf8String)
                    text += (text.isEmpty ? "" : "; ") + Self.harmless(line.content)
                }
            }
            _ = try information.optional(DER.bitString)
            try information.finish()
            token = response.isAtEnd ? nil : Array(try response.next(DER.sequence).encoded)
            try response.finish()
        } catch {
            throw .malformed(error.description)
        }
        // 0 is granted, 1 granted with modifications.
        guard status <= 1 else { throw .refused(status: status, text: text) }
        guard let token else { throw .malformed("it is granted, and has no token") }
        try self.init(parsing: token)
    }

    private init(checking bytes: [UInt8]) throws(DERError) {
        guard bytes.count <= Self.maximumBytes else { throw DERError("it is too large") }
        var outer = DERReader(bytes[...])
        var information = try outer.next(DER.sequence).reader
        try outer.finish()
        guard try OID(try information.next()).description == "1.2.840.113549.1.7.2"
        else { throw DERError("it is no signed message") }
        var explicit = try information.next(DER.context(0)).reader
        try information.finish()
        var signed = try explicit.next(DER.sequence).reader
        try explicit.finish()
        _ = try signed.next(DER.integer)
        _ = try signed.next(DER.set)
        content = try Self.content(of: try signed.next(DER.sequence))
        _ = try signed.optional(DER.context(0))
        _ = try signed.optional(DER.context(1))
        try Self.checkSigner(in: try signed.next(DER.set))
        try signed.finish()

        var body = DERReader(content[...])
        var info = try body.next(DER.sequence).reader
        try body.finish()
        guard try Self.small(try info.next(DER.integer)) == 1 else {
            throw DERError("its version is not 1")
        }
        policy = try OID(try info.next())
        (digest, imprint) = try Self.imprint(try info.next(DER.sequence))
        serial = Hex.encode(Array(try info.next(DER.integer).content).span)
        milliseconds = try Self.time(try info.next(DER.generalizedTime))
        accuracyMicroseconds = try info.optional(DER.sequence).map { (element) throws(DERError) in
            try Self.accuracy(element)
        }
        _ = try info.optional(DER.boolean)
        nonce = try info.optional(DER.integer).map { Array($0.content) }
        _ = try info.optional(DER.context(0))
        _ = try info.optional(DER.context(1))
        try info.finish()
        encoded = bytes
    }

    // MARK: Parts

    private static func content(of element: DERElement) throws(DERError) -> [UInt8] {
        var reader = element.reader
        guard try OID(try reader.next()).description == "1.2.840.113549.1.9.16.1.4"
        else { throw DERError("what is signed is no time-stamp") }
        var explicit = try reader.next(DER.context(0)).reader
        try reader.finish()
        let octets = try explicit.next(DER.octetString)
        try explicit.finish()
        return Array(octets.content)
    }

    /// There is one signer, which names its algorithms.
    private static func checkSigner(in set: DERElement) throws(DERError) {
        var signers = set.reader
        var signer = try signers.next(DER.sequence).reader
        guard signers.isAtEnd else { throw DERError("it has more than one signer") }
        _ = try signer.next(DER.integer)
        _ = try signer.next()
        var digest = try signer.next(DER.sequence).reader
        _ = try OID(try digest.next())
        _ = try signer.next(DER.context(0))
        var algorithm = try signer.next(DER.sequence).reader
        _ = try OID(try algorithm.next())
    }

    private static func imprint(
        _ element: DERElement
    ) throws(DERError) -> (TimeStampDigest, [UInt8]) {
        var reader = element.reader
        let digest = try TimeStampDigest(algorithm: try reader.next(DER.sequence))
        let imprint = Array(try reader.next(DER.octetString).content)
        try reader.finish()
        guard imprint.count == digest.sizeBytes else {
            throw DERError("the imprint is not as long as its algorithm says")
        }
        return (digest, imprint)
    }

    /// A number of up to 31 bits.
    private static func small(_ element: DERElement) throws(DERError) -> UInt32 {
        let content = element.content
        guard (1...4).contains(content.count), content.first.map({ $0 < 0x80 }) == true else {
            throw DERError("a number is negative or too large")
        }
        return content.reduce(0) { $0 << 8 | UInt32($1) }
    }

    private static func accuracy(_ element: DERElement) throws(DERError) -> UInt64 {
        var reader = element.reader
        var microseconds: UInt64 = 0
        for (tag, unit) in [(DER.integer, 1_000_000), (0x80, 1000), (0x81, 1)] {
            guard let part = try reader.optional(tag) else { continue }
            microseconds += UInt64(try small(part)) * UInt64(unit)
        }
        try reader.finish()
        return microseconds
    }

    /// `YYYYMMDDhhmmss[.f…]Z`, cut to milliseconds.
    private static func time(_ element: DERElement) throws(DERError) -> Int64 {
        let bytes = Array(element.content)
        let malformed = DERError("its time is malformed")
        guard (15...40).contains(bytes.count), bytes.last == UInt8(ascii: "Z") else {
            throw malformed
        }
        func number(_ range: Range<Int>) throws(DERError) -> Int64 {
            var value: Int64 = 0
            for byte in bytes[range] {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else {
                    throw malformed
                }
                value = value * 10 + Int64(byte - UInt8(ascii: "0"))
            }
            return value
        }
        let (year, month, day) = (try number(0..<4), try number(4..<6), try number(6..<8))
        let (hour, minute) = (try number(8..<10), try number(10..<12))
        let second = try number(12..<14)
        let longest = [31, 28 + (isLeap(year) ? 1 : 0), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard year >= 1970, (1...12).contains(month), day >= 1, day <= longest[Int(month) - 1],
            hour < 24, minute < 60, second < 60
        else { throw malformed }
        var fraction: Int64 = 0
        if bytes.count > 15 {
            let digits = 15..<bytes.count - 1
            guard bytes[14] == UInt8(ascii: "."), !digits.isEmpty,
                bytes[digits.upperBound - 1] != UInt8(ascii: "0")
            else { throw malformed }
            for place in digits { _ = try number(place..<place + 1) }
            for place in 15..<18 {
                fraction =
                    fraction * 10 + (digits.contains(place) ? try number(place..<place + 1) : 0)
            }
        }
        let days = dayNumber(year, month, day)
        return ((days * 24 + hour) * 60 + minute) * 60_000 + second * 1000 + fraction
    }

    private static func isLeap(_ year: Int64) -> Bool {
        year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    }

    /// Days since 1970-01-01.
    private static func dayNumber(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month > 2 ? year : year - 1
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    /// Text of a stranger without control characters, cut to 200 bytes.
    private static func harmless(_ bytes: ArraySlice<UInt8>) -> String {
        let shown = bytes.prefix(200).map { $0 < 0x20 || $0 == 0x7f ? UInt8(ascii: " ") : $0 }
        return String(decoding: shown, as: UTF8.self)
    }
}
