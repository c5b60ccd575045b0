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
    private let api: EvidenceAPI
    private let head: RequestHead
    private let id: String
    private let collection: String
    private var request: EvidenceRequest?
    private var name: EvidenceName?
    private var upload: PayloadUpload?

    init(_ api: EvidenceAPI, _ head: RequestHead, _ id: String, collection: String) {
        self.api = api
        self.head = head
        self.id = id
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
            request = try EvidenceRequest(head, query, collection: collection)
            try checkLength(head.contentLength ?? 0)
            upload = try refusing { () throws(StoreError) in
                try api.store.beginUpload(expectedSizeBytes: head.contentLength)
            }
            return nil
        } catch {
            return api.refuse(error.problem, id)
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
            return api.refuse(error.problem, id)
        }
    }

    func abandon() { upload = nil }

    func finish(_ responder: Responder) {
        guard let upload, let request, let name else {
            return responder.respond(
                api.refuse(Problem(.badRequest, "The request was refused before."), id)
            )
        }
        let (api, id) = (api, id)
        do throws(Refused) {
            let payload = try refusing { () throws(StoreError) in try upload.finish() }
            self.upload = nil
            if let declared = request.declaredDigest, declared != payload.digest {
                throw Refused(
                    .digestMismatch,
                    "Content-Digest announces SHA-256 \(declared.hex), but the body has "
                        + "\(payload.digest.hex); nothing was stored. Send it again."
                )
            }
            let draft = request.draft(
                name: name,
                key: request.idempotencyKey,
                payload: payload,
                mediaType: request.mediaType,
                isSealed: api.configuration.sealedCollections.contains(request.collection)
            )
            api.store.append([Submission(draft: draft, payload: payload)]) { result in
                responder.respond { api.reply(to: result, opening: draft.opening, id) }
            }
        } catch {
            responder.respond(api.refuse(error.problem, id))
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

extension EvidenceAPI {
    /// The reply to an append of one piece of evidence.
    func reply(
        to result: Result<[AppendOutcome], StoreError>,
        opening: SealedOpening?,
        _ id: String
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
                ),
                id
            )
        } catch {
            return refuse(Problem(error), id)
        }
    }

    /// The receipt of what an append gave: of a new record from what is at hand.
    func receipt(
        of outcome: AppendOutcome,
        opening: SealedOpening?
    ) throws(StoreError) -> Receipt {
        switch outcome {
        case .appended(let index, let record, let checkpoint):
            try store.receipt(index, record: record, opening: opening, checkpoint: checkpoint)
        case .existing(let index, _): try store.receipt(for: index)
        }
    }
}
