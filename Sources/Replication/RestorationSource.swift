internal import EvidenceModel
internal import EvidenceStore
internal import Platform
internal import TransparencyLog

/// Reads objects of a bucket for a restoration.
struct RestorationSource {
    let store: any ObjectStore

    /// At once, so that the way to the store and back counts less.
    private static let threads = 8
    private static let attempts = 3
    private static let rangeBytes: UInt64 = 4 << 20
    /// Bundles, notes: what is read whole.
    private static let wholeLimitBytes: UInt64 = 32 << 20

    /// The newest version of an object that changes; `nil` if there is none.
    func register(_ key: ObjectKey) throws(RestorationError) -> [UInt8]? {
        do throws(StoreFailure) {
            return try read(key, nil, nil, limitBytes: 1 << 20)
        } catch {
            switch error {
            case .notFound, .deleteMarker: return nil
            default: throw .store(error, while: "reading \(key)")
            }
        }
    }

    /// An object's bytes.
    func whole(_ object: ObjectWalk.Found) throws(RestorationError) -> [UInt8] {
        guard object.sizeBytes <= Self.wholeLimitBytes else {
            throw .unverified("\(object.key) has \(object.sizeBytes) bytes")
        }
        do throws(StoreFailure) {
            return try repeated { () throws(StoreFailure) in
                try read(object.key, object.version, nil, limitBytes: Self.wholeLimitBytes)
            }
        } catch { throw .store(error, while: "reading \(object.key)") }
    }

    /// Several objects' bytes, in their order, read on several threads.
    func whole(_ objects: [ObjectWalk.Found]) throws(RestorationError) -> [[UInt8]] {
        typealias Outcome = Result<[UInt8], RestorationError>
        let next = Mutex(0)
        let outcomes = Mutex([Outcome?](repeating: nil, count: objects.count))
        let threads = (0..<min(Self.threads, objects.count)).map { _ in
            Thread(name: "restore") {
                while true {
                    let place = next.withLock { next in
                        defer { next += 1 }
                        return next
                    }
                    guard place < objects.count else { return }
                    let outcome = Outcome { () throws(RestorationError) in
                        try whole(objects[place])
                    }
                    outcomes.withLock { $0[place] = outcome }
                }
            }
        }
        for thread in threads { thread.join() }
        var all: [[UInt8]] = []
        for outcome in outcomes.withLock({ $0 }) {
            guard let outcome else { preconditionFailure("each object was read") }
            all.append(try outcome.get())
        }
        return all
    }

    /// An object's bytes in pieces, from range to range; `nil` at the end.
    func pieces(_ object: ObjectWalk.Found) -> () throws -> [UInt8]? {
        var offset: UInt64 = 0
        return {
            guard offset < object.sizeBytes else { return nil }
            let end = min(object.sizeBytes, offset + Self.rangeBytes) - 1
            let piece = try repeated { () throws(StoreFailure) in
                try read(object.key, object.version, offset...end, limitBytes: Self.rangeBytes)
            }
            guard UInt64(piece.count) == end - offset + 1 else {
                throw StoreFailure.corrupt(detail: "\(piece.count) bytes of a range")
            }
            offset = end + 1
            return piece
        }
    }

    /// Reading again does no harm: also what broke off in the middle is tried again.
    private func repeated(
        _ read: () throws(StoreFailure) -> [UInt8]
    ) throws(StoreFailure) -> [UInt8] {
        var attempt = 1
        while true {
            do throws(StoreFailure) {
                return try read()
            } catch {
                switch error {
                case .transport, .unavailable, .throttled, .circuitOpen, .corrupt: break
                default: throw error
                }
                guard attempt < Self.attempts else { throw error }
                Clock.sleep(milliseconds: UInt64(attempt) * 500)
                attempt += 1
            }
        }
    }

    private func read(
        _ key: ObjectKey,
        _ version: ObjectVersion?,
        _ range: ClosedRange<UInt64>?,
        limitBytes: UInt64
    ) throws(StoreFailure) -> [UInt8] {
        struct TooLarge: Error, CustomStringConvertible {
            let description = "more bytes than were asked for"
        }
        var bytes: [UInt8] = []
        _ = try store.get(key, version: version, range: range) { piece in
            guard UInt64(bytes.count + piece.count) <= limitBytes else { throw TooLarge() }
            unsafe piece.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
        }
        return bytes
    }
}
