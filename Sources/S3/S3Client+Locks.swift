import CurlClient
import EvidenceModel
package import Replication
import XMLReader

// Retention and legal holds.
extension S3Client {
    package func retention(of name: VersionedKey) throws(StoreFailure) -> ObjectLock? {
        let call = S3Call("GET", key: path(name.key), query: subresource("retention", name))
        let root: XMLElement
        do throws(StoreFailure) {
            root = try document(perform(call), named: "Retention")
        } catch .rejected(let detail) {
            // Some stores find fault with the question where there is nothing to tell.
            guard try head(name.key, version: name.version).lock == nil else {
                throw .rejected(detail: detail)
            }
            return nil
        } catch .notFound {
            // No such version, or a version without a lock: the same status for both.
            return try head(name.key, version: name.version).lock
        }
        return try ObjectLock(storeMode: root.text("Mode"), until: root.text("RetainUntilDate"))
    }

    package func setRetention(
        _ lock: ObjectLock,
        of name: VersionedKey
    ) throws(StoreFailure) {
        var call = S3Call("PUT", key: path(name.key), query: subresource("retention", name))
        call.attach(
            "<Retention xmlns=\"\(Self.namespace)\"><Mode>\(lock.mode.rawValue)</Mode>"
                + "<RetainUntilDate>\(lock.until.rfc3339Seconds)</RetainUntilDate></Retention>"
        )
        do throws(StoreFailure) {
            _ = try perform(call)
        } catch {
            throw explained(error, name)
        }
    }

    package func legalHold(of name: VersionedKey) throws(StoreFailure) -> LegalHold {
        let call = S3Call("GET", key: path(name.key), query: subresource("legal-hold", name))
        do throws(StoreFailure) {
            let root = try document(perform(call), named: "LegalHold")
            return try LegalHold(storeText: root.text("Status")) ?? .off
        } catch .notFound {
            // No such version, or a version that never was under one: the same status for both.
            return try head(name.key, version: name.version).hold ?? .off
        }
    }

    package func setLegalHold(
        _ hold: LegalHold,
        of name: VersionedKey
    ) throws(StoreFailure) {
        var call = S3Call("PUT", key: path(name.key), query: subresource("legal-hold", name))
        call.attach(
            "<LegalHold xmlns=\"\(Self.namespace)\"><Status>\(hold == .on ? "ON" : "OFF")</Status>"
                + "</LegalHold>"
        )
        _ = try perform(call)
    }

    static var namespace: String { "http://s3.amazonaws.com/doc/2006-03-01/" }

    private func subresource(_ word: String, _ name: VersionedKey) -> [S3Call.Item] {
        [(word, "")] + versionQuery(name.version)
    }

    /// The document of a reply.
    func document(
        _ response: ClientResponse,
        named name: String
    ) throws(StoreFailure) -> XMLElement {
        let root: XMLElement
        do {
            root = try XMLElement(parsing: response.body.span)
        } catch {
            throw .corrupt(detail: "the store's \(name) cannot be read: \(error)")
        }
        // A request that takes long is answered with 200 before its outcome is known.
        if root.name == "Error" {
            throw ErrorReply(status: 500, body: response.body, region: nil).failure
        }
        guard root.name == name else {
            throw .corrupt(detail: "expected \(name) from the store, not \(excerpt(root.name))")
        }
        return root
    }
}

extension ObjectLock {
    /// Both texts or none; half a lock, or one that is not understood, is an error.
    init?(storeMode mode: String?, until: String?) throws(StoreFailure) {
        guard mode != nil || until != nil else { return nil }
        guard let kind = mode.flatMap(RetentionMode.init(rawValue:)),
            let date = until.flatMap(Timestamp.init(storeText:)),
            let lock = ObjectLock(mode: kind, until: date)
        else {
            let told = "\(mode ?? "no mode") until \(until ?? "no date")"
            throw .corrupt(detail: "the store tells a lock that is none: \(excerpt(told))")
        }
        self = lock
    }
}

extension LegalHold {
    /// `ON` or `OFF`; `nil` is nothing told.
    init?(storeText text: String?) throws(StoreFailure) {
        switch text {
        case nil: return nil
        case "ON": self = .on
        case "OFF": self = .off
        case let text?: throw .corrupt(detail: "the store tells a hold as \(excerpt(text))")
        }
    }
}
