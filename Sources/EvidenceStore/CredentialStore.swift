import Cryptography
package import EvidenceModel
import LMDBKit
import Platform

/// Whose a token is (`state/credentials.mdb`).
///
/// Not derived and not in the log: leaves never hold a secret or its hash. What a principal may do
/// stands in the log (`access.changed`); this store only tells the name behind a token. May be
/// lost: then no token works any more, and new ones are made on the machine itself.
///
/// - A secret is in no file and in no member: the store keeps SHA-256(salt ‖ secret).
/// - A name has one token at most, and a token that works is never replaced: `create` refuses.
/// - Every method may be called from any thread; `name(forToken:)` never waits for the disk.
/// - The log's `LOCK` is held by whoever opens it: a process opens the file once.
package final class CredentialStore: Sendable {
    /// What proves a secret.
    private struct Proof {
        let salt: [UInt8]
        let digest: SHA256Digest

        init(salt: [UInt8], digest: SHA256Digest) {
            self.salt = salt
            self.digest = digest
        }

        init(of token: AccessToken) {
            salt = Random.bytes(count: Self.saltSizeBytes)
            digest = Self.digest(salt, token.secret)
        }

        static let saltSizeBytes = 16

        func isGiven(by secret: [UInt8]) -> Bool {
            digest.isEqualInConstantTime(to: Self.digest(salt, secret))
        }

        private static func digest(_ salt: [UInt8], _ secret: [UInt8]) -> SHA256Digest {
            var hasher = SHA256Hasher()
            hasher.update(salt.span)
            hasher.update(secret.span)
            return hasher.finalize()
        }
    }

    private struct Credential {
        let name: PrincipalName
        let proof: Proof
    }

    private let path: String
    private let environment: LMDBKit.Environment
    private let table: Database
    /// Held while the file is changed, so that memory and file change in the same order.
    private let writing = Mutex(())
    private let credentials: Mutex<[UInt64: Credential]>
    /// Stands in for what an unknown id has not, so that it costs the same as a wrong secret.
    private let decoy = Proof(of: AccessToken())

    private static let tableName = "credentials"
    private static let formatVersion: UInt8 = 1
    private static let mapSizeBytes = 1 << 30

    /// Opens the credentials, or makes an empty file, durably.
    ///
    /// - Throws: `damaged`: without the file all tokens must be made anew. `newerFormat`, `system`.
    package init(_ paths: StorePaths) throws(StoreError) {
        path = paths.credentialsFile
        let path = path
        try onDisk { () throws(SystemError) in try FileSystem.makeDirectoryIfAbsent(paths.state) }
        do throws(LMDBError) {
            environment = try LMDBKit.Environment(
                path: path,
                access: .readWrite(mapSizeBytes: Self.mapSizeBytes),
                maxDatabases: 2
            )
            let transaction = try environment.beginWrite()
            table = try transaction.createDatabase(Self.tableName)
            try transaction.commit()
        } catch {
            throw StoreError(error, path: path)
        }
        // Always: a run that made the file may have ended before its name was durable.
        try onDisk { () throws(SystemError) in
            try FileSystem.syncDirectory(paths.state)
            try FileSystem.syncDirectory(paths.root)
        }
        credentials = Mutex(try Self.contents(of: environment, path))
    }

    /// The names that have a token in the file of a log that nobody has open; changes nothing.
    ///
    /// - Throws: `damaged` if an entry cannot be read.
    package static func names(inFileAt path: String) throws(StoreError) -> [PrincipalName] {
        let environment: LMDBKit.Environment
        do throws(LMDBError) {
            environment = try LMDBKit.Environment(
                path: path,
                access: .readOnlySealed,
                maxDatabases: 2
            )
        } catch {
            throw StoreError(error, path: path)
        }
        return sortedNames(try contents(of: environment, path))
    }

    /// Closes the file; tokens are still known, but none is made or removed any more.
    package func close() { environment.close() }

    // MARK: Use

    /// Whose token this is; nil if it is nobody's.
    ///
    /// The time that it takes tells whether the text has a token's form, and nothing else.
    package func name(forToken text: String) -> PrincipalName? {
        guard let token = AccessToken(parsing: text) else { return nil }
        let found = credentials.withLock { $0[token.id] }
        let isGiven = (found?.proof ?? decoy).isGiven(by: token.secret)
        return isGiven ? found?.name : nil
    }

    /// The names that have a token, ascending.
    package var names: [PrincipalName] { credentials.withLock { Self.sortedNames($0) } }

    /// Makes a token, durably; its text is returned here and never again.
    ///
    /// - Throws: `invalid` if the name has a token, or is one that no token can have.
    package func create(_ name: PrincipalName) throws(StoreError) -> String {
        guard !name.isReserved else { throw .invalid("no token can have the name \(name)") }
        return try writing.withLock { (_) throws(StoreError) in
            let known = credentials.withLock { $0 }
            guard !known.values.contains(where: { $0.name == name }) else {
                throw .invalid("\(name) has a token; revoke it, and choose another name")
            }
            var token = AccessToken()
            while known[token.id] != nil { token = AccessToken() }
            let credential = Credential(name: name, proof: Proof(of: token))
            let key = Self.key(token.id)
            let value = Self.encoded(credential, key: key)
            try change { (transaction) throws(LMDBError) in
                try transaction.put(key.span, value.span, in: table, mode: .insert)
            }
            credentials.withLock { $0[token.id] = credential }
            return token.text
        }
    }

    /// Removes a name's token, durably; it does not work any more even if this throws.
    ///
    /// - Returns: Whether there was one.
    @discardableResult
    package func remove(_ name: PrincipalName) throws(StoreError) -> Bool {
        try !remove { $0 == name }.isEmpty
    }

    /// Removes the tokens of all other names, durably: those that a run made and did not live to
    /// put into the log.
    ///
    /// - Returns: The names whose tokens were removed, ascending.
    @discardableResult
    package func removeAll(
        except names: Set<PrincipalName>
    ) throws(StoreError) -> [PrincipalName] {
        try remove { !names.contains($0) }
    }

    private func remove(
        where isMeant: (PrincipalName) -> Bool
    ) throws(StoreError) -> [PrincipalName] {
        try writing.withLock { (_) throws(StoreError) in
            let removed = credentials.withLock { credentials in
                let removed = credentials.filter { isMeant($0.value.name) }
                for id in removed.keys { credentials[id] = nil }
                return removed
            }
            guard !removed.isEmpty else { return [] }
            try change { (transaction) throws(LMDBError) in
                for id in removed.keys {
                    _ = try transaction.delete(Self.key(id).span, in: table)
                }
            }
            return Self.sortedNames(removed)
        }
    }

    private func change(
        _ body: (borrowing WriteTransaction) throws(LMDBError) -> Void
    ) throws(StoreError) {
        do throws(LMDBError) {
            let transaction = try environment.beginWrite()
            try body(transaction)
            try transaction.commit()
        } catch {
            throw StoreError(error, path: path)
        }
    }

    private static func sortedNames(_ credentials: [UInt64: Credential]) -> [PrincipalName] {
        credentials.values.map(\.name).sorted()
    }
}

// The file: Schemas/state.md has the bytes.
extension CredentialStore {
    private enum Entry {
        case credential(id: UInt64, Credential)
        case newer(version: UInt8)
        case damaged
    }

    // Of a value: checksum, version, salt, digest, name.
    private static let versionOffset = 8
    private static let saltOffset = versionOffset + 1
    private static let digestOffset = saltOffset + Proof.saltSizeBytes
    private static let nameOffset = digestOffset + SHA256Digest.sizeBytes

    private static func key(_ id: UInt64) -> [UInt8] { Array(BigEndian.bytes(of: id).dropFirst(2)) }

    private static func encoded(_ credential: Credential, key: [UInt8]) -> [UInt8] {
        var content = [formatVersion] + credential.proof.salt
        credential.proof.digest.append(to: &content)
        content += credential.name.text.utf8
        return BigEndian.bytes(of: checksum(of: key + content)) + content
    }

    private static func checksum(of bytes: [UInt8]) -> UInt64 {
        RecordFrame.shortChecksum(bytes.span)
    }

    private static func contents(
        of environment: LMDBKit.Environment,
        _ path: String
    ) throws(StoreError) -> [UInt64: Credential] {
        var entries: [Entry] = []
        do throws(LMDBError) {
            let transaction = try environment.beginRead()
            guard let table = try transaction.openDatabase(tableName) else {
                throw LMDBError.damaged(detail: "its table is missing")
            }
            var cursor = try transaction.cursor(in: table)
            while try cursor.next() {
                entries.append(try cursor.withCurrent { entry($0.array, $1.array) })
            }
        } catch {
            throw StoreError(error, path: path)
        }
        var contents: [UInt64: Credential] = [:]
        for entry in entries {
            switch entry {
            case .credential(let id, let credential): contents[id] = credential
            case .newer(let version): throw .newerFormat(path: path, version: UInt64(version))
            case .damaged:
                throw .damaged(path: path, detail: "a token's entry is not what was written")
            }
        }
        return contents
    }

    /// LMDB would not notice a changed byte, and one in a name would make it another's token.
    private static func entry(_ key: [UInt8], _ value: [UInt8]) -> Entry {
        guard key.count == 6, value.count > nameOffset,
            let checksum = BigEndian.read(UInt64.self, from: value.span, at: 0),
            checksum == Self.checksum(of: key + value[versionOffset...])
        else { return .damaged }
        guard value[versionOffset] <= formatVersion else {
            return .newer(version: value[versionOffset])
        }
        guard let digest = SHA256Digest(value.span.extracting(digestOffset..<nameOffset)),
            let text = String(validating: value[nameOffset...], as: UTF8.self),
            let name = try? PrincipalName(text)
        else { return .damaged }
        let proof = Proof(salt: Array(value[saltOffset..<digestOffset]), digest: digest)
        return .credential(
            id: key.reduce(0) { $0 << 8 | UInt64($1) },
            Credential(name: name, proof: proof)
        )
    }
}
