import Cryptography
import EvidenceModel
import EvidenceStore
import HTTPMessage
import Platform

/// `POST /v1/collections/{collection}/evidence`: one payload in, one receipt out.
///
/// The payload is hashed and compressed as it arrives, on the connection's thread. The append is
/// handed to the store, the connection waits without a thread, and the receipt is made on the
/// connection's thread again.
///
/// `@unchecked Sendable`: the server calls one method at a time.
final class EvidenceExchange: Exchange, @unchecked Sendable {
    private let request: APIRequest
    private let collection: String
    private var wanted: EvidenceRequest?
    private var name: EvidenceName?
    private var upload: PayloadUpload?

    private var api: EvidenceAPI { request.api }
    private var head: RequestHead { request.head }

    init(_ request: APIRequest, collection: String) {
        self.request = request
        self.collection = collection
    }

    func begin() -> Response? {
        do throws(Refused) {
            let query = try Query(
                head.target,
                known: ["name", "retain", "retainUntil", "mode"],
                repeatable: ["label"]
            )
            guard let text = query.first("name") else {
                throw Refused(
                    .badRequest,
                    "The query parameter 'name' is missing: name the evidence."
                )
            }
            name = try limiting { () throws(LimitViolation) in try EvidenceName(text) }
            wanted = try EvidenceRequest(
                head,
                query,
                collection: collection,
                submitter: request.principal.name
            )
            try checkLength(head.contentLength ?? 0)
            upload = try refusing { () throws(StoreError) in
                try api.store.beginUpload(expectedSizeBytes: head.contentLength)
            }
            return nil
        } catch {
            return request.refuse(error.problem)
        }
    }

    func receive(_ bytes: Span<UInt8>) -> Response? {
        do throws(Refused) {
            received += UInt64(bytes.count)
            try checkLength(received)
            do throws(StoreError) {
                try upload?.write(bytes)
            } catch {
                throw Refused(error)
            }
            return nil
        } catch {
            upload = nil
            return request.refuse(error.problem)
        }
    }

    func abandon() { upload = nil }

    func finish(_ responder: Responder) {
        guard let upload, let wanted, let name else {
            return responder.respond(
                request.refuse(Problem(.badRequest, "The request was refused before."))
            )
        }
        let request = request
        do throws(Refused) {
            try request.checkAgain()
            let payload = try refusing { () throws(StoreError) in try upload.finish() }
            self.upload = nil
            if let declared = wanted.declaredDigest, declared != payload.digest {
                throw Refused(
                    .digestMismatch,
                    "Content-Digest announces SHA-256 \(declared.hex), but the body has "
                        + "\(payload.digest.hex); nothing was stored. Send it again."
                )
            }
            let draft = wanted.draft(
                name: name,
                key: wanted.idempotencyKey,
                payload: payload,
                mediaType: wanted.mediaType,
                isSealed: api.isSealed(wanted.collection)
            )
            api.store.append([Submission(draft: draft, payload: payload)]) { result in
                responder.respond { request.reply(to: result, opening: draft.opening) }
            }
        } catch {
            responder.respond(request.refuse(error.problem))
        }
    }

    private var received: UInt64 = 0

    private func checkLength(_ bytes: UInt64) throws(Refused) {
        let limit = api.configuration.payloadLimitBytes
        guard bytes <= limit else {
            throw Refused(
                .contentTooLarge,
                "The payload is larger than the limit of \(limit) bytes; split it."
            )
        }
    }
}

extension APIRequest {
    /// The reply to an append of one piece of evidence.
    func reply(
        to result: Result<[AppendOutcome], StoreError>,
        opening: SealedOpening?
    ) -> Response {
        do throws(StoreError) {
            let outcome = try result.get()[0]
            let receipt = try receipt(of: outcome, opening: opening)
            let isNew: Bool = if case .appended = outcome { true } else { false }
            var fields = HTTPFields(["Content-Type": "application/json"])
            fields.append("Location", "/v1/records/\(outcome.index)")
            return finish(
                Response(
                    status: isNew ? 201 : 200,
                    fields: fields,
                    body: .bytes(receipt.encodedJSON)
                )
            )
        } catch {
            return refuse(Problem(error))
        }
    }

    /// The receipt of what an append gave: of a new record from what is at hand.
    func receipt(
        of outcome: AppendOutcome,
        opening: SealedOpening?
    ) throws(StoreError) -> Receipt {
        switch outcome {
        case .appended(let index, let record, let checkpoint):
            try api.store.receipt(
                index,
                record: record,
                opening: opening,
                checkpoint: checkpoint
            )
        case .existing(let index, _): try api.store.receipt(for: index)
        }
    }
}
