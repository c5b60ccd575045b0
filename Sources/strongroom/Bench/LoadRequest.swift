internal import Cryptography

/// What load is put on the server.
enum LoadKind: Equatable, Sendable {
    /// Appends of random payloads.
    case appends(sizeBytes: Int)
    /// Fresh receipts of random records below a tree size.
    case receipts(treeSize: UInt64)
}

/// What a reply must prove.
enum LoadExpectation: Equatable, Sendable {
    case appended(SHA256Digest, sizeBytes: Int)
    case receipt(index: UInt64)
}

/// One client's requests: bytes made once, of which only a few change from request to request.
struct LoadRequest: Sendable {
    private(set) var bytes: [UInt8]
    private(set) var expectation: LoadExpectation

    private let kind: LoadKind
    private var numberPlace: Range<Int>
    private let payloadStart: Int
    private let head: (before: [UInt8], after: [UInt8])
    private var counter: UInt64 = 0
    private var random: RandomSequence

    /// Requests of one client; `run` and `client` go into the names of its evidence.
    init(
        kind: LoadKind,
        client: Int,
        run: String,
        server: ServerAddress,
        token: String? = nil,
        random: RandomSequence
    ) {
        self.kind = kind
        self.random = random
        let credentials = token.map { "Authorization: Bearer \($0)\r\n" } ?? ""
        let fields = " HTTP/1.1\r\nHost: \(server.authority)\r\n\(credentials)"
        switch kind {
        case .appends(let size):
            let path = "\(server.pathPrefix)/v1/collections/bench/evidence?name=\(run)/\(client)/"
            let before = Array("POST \(path)".utf8)
            let after = Array(
                "\(fields)Content-Type: application/octet-stream\r\nContent-Length: \(size)\r\n\r\n"
                    .utf8
            )
            head = (before, after)
            numberPlace = before.count..<(before.count + Self.numberLength)
            let digits = [UInt8](repeating: UInt8(ascii: "0"), count: Self.numberLength)
            bytes = before + digits + after
            payloadStart = bytes.count
            bytes += self.random.bytes(count: size)
        case .receipts:
            let before = Array("GET \(server.pathPrefix)/v1/records/".utf8)
            head = (before, Array("/receipt\(fields)\r\n".utf8))
            numberPlace = before.count..<before.count
            payloadStart = 0
            bytes = []
        }
        expectation = .receipt(index: 0)
    }

    private static let numberLength = 12

    /// Makes `bytes` the next request.
    mutating func advance() {
        switch kind {
        case .appends(let size):
            counter += 1
            writeCounterDigits()
            // The counter in the first bytes makes each payload, and its digest, another.
            for place in 0..<min(8, size) {
                bytes[payloadStart + place] ^= UInt8(
                    truncatingIfNeeded: (counter ^ (counter - 1)) >> UInt64(8 * place)
                )
            }
            let digest = SHA256.hash(bytes.span.extracting(payloadStart..<bytes.count))
            expectation = .appended(digest, sizeBytes: size)
        case .receipts(let treeSize):
            let index = random.next(below: treeSize)
            bytes.removeAll(keepingCapacity: true)
            bytes += head.before
            bytes += String(index).utf8
            bytes += head.after
            expectation = .receipt(index: index)
        }
    }

    private mutating func writeCounterDigits() {
        var rest = counter
        for place in numberPlace.reversed() {
            bytes[place] = UInt8(ascii: "0") + UInt8(rest % 10)
            rest /= 10
        }
    }
}
