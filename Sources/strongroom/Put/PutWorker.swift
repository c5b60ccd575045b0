internal import Cryptography
internal import EvidenceModel
internal import Platform

/// What came of one item of a `put`.
enum PutOutcome: Sendable {
    case kept(EvidenceLine, wasThere: Bool)
    /// - Parameter endsRun: The server cannot be reached or takes nothing more.
    case failed(CommandFailure, endsRun: Bool)
    /// Printed already, and let go of.
    case reported
}

/// Pushes items one after another over its own connection.
///
/// Thread: one at a time; the checker and the receipts' folder are shared.
struct PutWorker {
    let settings: PutSettings
    let connection: APIConnection
    let checker: ReceiptChecker
    let receipts: ReceiptFolder?
    let progress: Progress

    /// Pushes one item and checks what comes back.
    func push(_ item: PutItem) -> PutOutcome {
        do throws(CommandFailure) {
            let payload = try PreparedPayload.of(item.source)
            let reply: APIReply
            do throws(CommandFailure) {
                reply = try send(item, payload)
            } catch {
                return .failed(error, endsRun: error.code == .tryAgain)
            }
            guard reply.isSuccess else {
                let failure = Problem(reply).failure("\(item.name)")
                let endsRun = failure.code == .tryAgain || failure.code == .storageFull
                return .failed(failure, endsRun: endsRun)
            }
            let checked = try check(reply, item, payload.identity)
            try receipts?.write(reply.body, for: item.name)
            let wasThere = reply.status == 200
            guard
                let line = EvidenceLine(
                    index: checked.receipt.index,
                    record: checked.record,
                    description: checked.description,
                    status: wasThere ? "unchanged" : "added"
                )
            else { throw mismatch(item, "the record is not evidence") }
            return .kept(line, wasThere: wasThere)
        } catch {
            return .failed(error, endsRun: false)
        }
    }

    private func send(
        _ item: PutItem,
        _ payload: PreparedPayload
    ) throws(CommandFailure)
        -> APIReply
    {
        let request = request(item, payload)
        do throws(TransportFailure) {
            // Safe to repeat: the idempotency key makes two arrivals one record.
            return try Retry().run { () throws(TransportFailure) in
                try connection.send(request, sink: nil) { progress.add(bytes: $0) }
            }
        } catch {
            throw CommandFailure(error, connection.address)
        }
    }

    private func request(_ item: PutItem, _ payload: PreparedPayload) -> APIRequest {
        var path = RequestPath("/v1/collections/\(settings.collection.text)/evidence")
        path.add("name", item.name.text)
        for label in settings.labels.sorted { path.add("label", "\(label.key)=\(label.value)") }
        path.add("mode", settings.lock.mode?.rawValue)
        switch settings.lock.retention {
        case .standard: break
        case .duration(let duration): path.add("retain", "\(duration)")
        case .until(let time): path.add("retainUntil", time.rfc3339)
        }
        let digest = payload.identity.digest
        let key =
            settings.idempotencyKey
            ?? RequestIdentity.key(for: item.name, digest: digest, settings: settings)
        var fields = [
            (name: "Content-Type", value: (settings.mediaType ?? .octetStream).text),
            (name: "Content-Digest", value: "sha-256=:\(digest.base64):"),
        ]
        if let key { fields.append((name: "Idempotency-Key", value: key.text)) }
        return APIRequest(method: .post, path: path, fields: fields, body: payload.body)
    }

    /// The receipt must be sound, and its record must be of what was sent.
    private func check(
        _ reply: APIReply,
        _ item: PutItem,
        _ sent: PayloadIdentity
    )
        throws(CommandFailure) -> CheckedReceipt
    {
        let checked: CheckedReceipt
        do throws(CommandFailure) {
            checked = try checker.check(reply.body.span)
        } catch {
            throw CommandFailure(error.code, "\(item.name): \(error.message)")
        }
        guard let description = checked.description else {
            throw mismatch(item, "the receipt does not open its record")
        }
        guard description.payloadDigest == sent.digest,
            description.payloadSize == sent.sizeBytes
        else { throw mismatch(item, "the record names another payload") }
        guard description.name == item.name, checked.record.collection == settings.collection else {
            throw mismatch(item, "the record has another name or collection")
        }
        return checked
    }

    private func mismatch(_ item: PutItem, _ detail: String) -> CommandFailure {
        CommandFailure(
            .verificationFailed,
            "\(item.name): the server's receipt is not for what was sent: \(detail)",
            advice: "do not rely on this server's answers"
        )
    }
}
