import Cryptography
import EvidenceModel
import EvidenceStore
import HTTPMessage
import TarArchive

/// `POST /v1/collections/{collection}/evidence/batch`: a tar stream in, a record for each regular
/// file, all or none.
///
/// The archive is held in memory, within a budget that all batches share, and taken apart when it
/// is complete. With an `Idempotency-Key` each file gets the key `<key>/<its number in the
/// archive>`.
///
/// `@unchecked Sendable`: the server calls one method at a time.
final class BatchExchange: Exchange, @unchecked Sendable {
    static let maximumFiles = 1000
    static let maximumBytes = 64 << 20
    /// Budget is taken in steps of this size.
    private static let stepBytes = 1 << 20

    private let request: APIRequest
    private let collection: String
    private var wanted: EvidenceRequest?
    private var body: [UInt8] = []
    private var budgetBytes = 0

    private var api: EvidenceAPI { request.api }
    private var head: RequestHead { request.head }

    init(_ request: APIRequest, collection: String) {
        self.request = request
        self.collection = collection
    }

    deinit { api.batchMemory.giveBack(budgetBytes) }

    func begin() -> Response? {
        do throws(Refused) {
            let query = try Query(
                head.target,
                known: ["retain", "retainUntil", "mode"],
                repeatable: ["label"]
            )
            let type = head.fields.first("content-type")?.split(separator: ";").first
            guard type?.lowercased() == "application/x-tar" else {
                throw Refused(
                    .unsupportedMediaType,
                    "A batch is a tar archive: send it with Content-Type: application/x-tar."
                )
            }
            wanted = try EvidenceRequest(
                head,
                query,
                collection: collection,
                submitter: request.principal.name
            )
            try hold(head.contentLength ?? 0)
            try refusing { () throws(StoreError) in try api.store.checkReadiness() }
            return nil
        } catch {
            return request.refuse(error.problem)
        }
    }

    func receive(_ bytes: Span<UInt8>) -> Response? {
        do throws(Refused) {
            try hold(UInt64(body.count + bytes.count))
            unsafe bytes.withUnsafeBufferPointer { unsafe body.append(contentsOf: $0) }
            return nil
        } catch {
            abandon()
            return request.refuse(error.problem)
        }
    }

    func abandon() {
        body = []
        api.batchMemory.giveBack(budgetBytes)
        budgetBytes = 0
    }

    func finish(_ responder: Responder) {
        let request = request
        do throws(Refused) {
            try request.checkAgain()
            let submissions = try submissions()
            abandon()
            api.store.append(submissions) { result in
                let openings = submissions.map(\.draft.opening)
                responder.respond { request.reply(to: result, openings: openings) }
            }
        } catch {
            abandon()
            responder.respond(request.refuse(error.problem))
        }
    }

    /// Takes the archive apart; every file is checked before any is appended.
    private func submissions() throws(Refused) -> [Submission] {
        guard let wanted else { throw Refused(.badRequest, "The request was refused before.") }
        if let declared = wanted.declaredDigest, declared != SHA256.hash(body.span) {
            throw Refused(
                .digestMismatch,
                "The archive does not have the SHA-256 that Content-Digest announces; nothing was "
                    + "stored. Send it again."
            )
        }
        let archive = TarReader(body)
        var submissions: [Submission] = []
        var names: Set<EvidenceName> = []
        while let entry = try next(archive) {
            guard entry.kind != .directory else { continue }
            guard entry.kind == .regular else {
                throw Refused(
                    .badRequest,
                    "The archive's entry '\(Query.excerpt(entry.path))' is no regular file; a "
                        + "batch holds regular files and directories."
                )
            }
            guard submissions.count < Self.maximumFiles else {
                throw Refused(
                    .contentTooLarge,
                    "A batch holds at most \(Self.maximumFiles) files."
                )
            }
            let name = try Self.name(of: entry)
            guard names.insert(name).inserted else {
                throw Refused(
                    .badRequest,
                    "The archive has '\(Query.excerpt(name.text))' twice; give each file a name "
                        + "of its own."
                )
            }
            submissions.append(
                try submission(name, archive, wanted, number: submissions.count)
            )
        }
        guard !submissions.isEmpty else {
            throw Refused(.badRequest, "The archive holds no regular file.")
        }
        return submissions
    }

    private func submission(
        _ name: EvidenceName,
        _ archive: TarReader,
        _ wanted: EvidenceRequest,
        number: Int
    ) throws(Refused) -> Submission {
        let key: IdempotencyKey? = try limiting { () throws(LimitViolation) in
            guard let key = wanted.idempotencyKey else { return nil }
            return try IdempotencyKey("\(key)/\(number)")
        }
        let bytes: [UInt8]
        do throws(TarError) {
            bytes = try archive.data(limitBytes: Self.maximumBytes)
        } catch {
            throw Self.refused(error)
        }
        let payload: StagedPayload
        do throws(StoreError) {
            let upload = try api.store.beginUpload(expectedSizeBytes: UInt64(bytes.count))
            try upload.write(bytes.span)
            payload = try upload.finish()
        } catch {
            throw Refused(error)
        }
        let draft = wanted.draft(
            name: name,
            key: key,
            payload: payload,
            mediaType: .octetStream,
            isSealed: api.isSealed(wanted.collection)
        )
        return Submission(draft: draft, payload: payload)
    }

    /// A file's name is its path, without a leading `./` as `tar c .` writes it.
    private static func name(of entry: TarEntry) throws(Refused) -> EvidenceName {
        let path = entry.path.hasPrefix("./") ? String(entry.path.dropFirst(2)) : entry.path
        return try limiting { () throws(LimitViolation) in try EvidenceName(path) }
    }

    private func next(_ archive: TarReader) throws(Refused) -> TarEntry? {
        do throws(TarError) {
            return try archive.next()
        } catch {
            throw Self.refused(error)
        }
    }

    private static func refused(_ error: TarError) -> Refused {
        Refused(
            .badRequest,
            "The body cannot be read as tar: \(Query.excerpt("\(error)"))."
        )
    }

    private func hold(_ bytes: UInt64) throws(Refused) {
        guard bytes <= UInt64(Self.maximumBytes) else {
            throw Refused(
                .contentTooLarge,
                "A batch has at most \(Self.maximumBytes) bytes; send large files one by one."
            )
        }
        let steps = (Int(bytes) + Self.stepBytes - 1) / Self.stepBytes
        let missing = steps * Self.stepBytes - budgetBytes
        guard missing > 0 else { return }
        guard api.batchMemory.take(missing) else {
            throw Refused(StoreError.overloaded(retryAfterSeconds: 1))
        }
        budgetBytes += missing
    }
}

extension APIRequest {
    /// The reply to an append of a batch.
    func reply(
        to result: Result<[AppendOutcome], StoreError>,
        openings: [SealedOpening?]
    ) -> Response {
        do throws(StoreError) {
            let outcomes = try result.get()
            var isNew = false
            var body = Array("{\"receipts\":[".utf8)
            for (place, outcome) in outcomes.enumerated() {
                if place > 0 { body.append(UInt8(ascii: ",")) }
                body += try receipt(of: outcome, opening: openings[place]).encodedJSON
                if case .appended = outcome { isNew = true }
            }
            body += Array("]}".utf8)
            return finish(
                Response(
                    status: isNew ? 201 : 200,
                    fields: HTTPFields(["Content-Type": "application/json"]),
                    body: .bytes(body)
                )
            )
        } catch {
            return refuse(Problem(error))
        }
    }
}
