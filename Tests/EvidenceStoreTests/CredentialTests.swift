import Cryptography
import EvidenceModel
import LMDBKit
import Platform
import Testing

@testable import EvidenceStore

@Suite struct CredentialTests {
    private let directory: TemporaryDirectory
    private var paths: StorePaths { StorePaths(directory.path) }

    init() throws { directory = try TemporaryDirectory() }

    /// Opens the credentials of the directory, and closes them after the body.
    private func with<Result>(_ body: (CredentialStore) throws -> Result) throws -> Result {
        let store = try CredentialStore(paths)
        defer { store.close() }
        return try body(store)
    }

    private func name(_ text: String) throws -> PrincipalName { try PrincipalName(text) }

    private var file: [UInt8] {
        get throws { try FileSystem.contents(paths.credentialsFile, limitBytes: 1 << 24) }
    }

    @Test func aTokenWorksAtOnceAndAfterReopening() throws {
        let (ci, auditor) = (try name("pipeline:ci"), try name("auditor-1"))
        let tokens = try with { store in
            let tokens = [try store.create(ci), try store.create(auditor)]
            #expect(store.name(forToken: tokens[0]) == ci)
            #expect(store.name(forToken: tokens[1]) == auditor)
            #expect(store.names == [auditor, ci])
            return tokens
        }
        try with { store in
            #expect(store.name(forToken: tokens[0]) == ci)
            #expect(store.name(forToken: tokens[1]) == auditor)
            #expect(store.names == [auditor, ci])
        }
        #expect(try CredentialStore.names(inFileAt: paths.credentialsFile) == [auditor, ci])
    }

    @Test func aTokenHasItsDocumentedForm() throws {
        let token = try with { try $0.create(try name("a")) }
        #expect(try #/strongroom_[0-9a-f]{12}_[A-Za-z0-9_\-]{43}/#.wholeMatch(in: token) != nil)
    }

    @Test func noOtherTextIsAToken() throws {
        try with { store in
            let token = try store.create(try name("a"))
            for place in token.utf8.indices {
                for other in ["A", "b", "0", "_", "-", "=", "é", "\u{0}", ""] {
                    var text = token
                    text.replaceSubrange(place...place, with: other)
                    guard text != token else { continue }
                    #expect(store.name(forToken: text) == nil, "\(text)")
                }
            }
            for text in [
                "", "strongroom_", token + "A", " " + token, token + "\n", token.uppercased(),
                String(token.dropLast()), String(repeating: "_", count: 67),
                String(repeating: "é", count: 67), String(repeating: token, count: 1000),
            ] {
                #expect(store.name(forToken: text) == nil, "\(text)")
            }
            // Right in its form: an id that nobody has, and a secret that is another's.
            let other = try store.create(try name("b"))
            #expect(store.name(forToken: "strongroom_000000000000_" + token.suffix(43)) == nil)
            #expect(store.name(forToken: String(token.dropLast(43) + other.suffix(43))) == nil)
        }
    }

    @Test func noFileHoldsTheSecret() throws {
        var tokens: [String] = []
        try with { store in
            for number in 0..<6 { tokens.append(try store.create(try name("p\(number)"))) }
        }
        try with { store in
            for number in 0..<3 { try store.remove(try name("p\(number)")) }
        }
        var files: [[UInt8]] = []
        for name in try FileSystem.list(paths.state) {
            files.append(try FileSystem.contents("\(paths.state)/\(name)", limitBytes: 1 << 24))
        }
        #expect(files.contains { contains($0, Array("p5".utf8)) })
        for token in tokens {
            let characters = Array(token.utf8.suffix(43))
            let decoded = Base64URL.decode(characters.span)
            let secret = try #require(decoded)
            let parts: [[UInt8]] = [
                characters, secret, Array(Hex.encode(secret.span).utf8),
                SHA256.hash(secret.span).bytes,
            ]
            for part in parts {
                #expect(!files.contains { contains($0, part) }, "a file holds \(token)")
            }
        }
    }

    @Test func filesAreForTheirOwnerAlone() throws {
        try with { _ = try $0.create(try name("a")) }
        for file in try FileSystem.list(paths.state) {
            #expect(try FileSystem.information("\(paths.state)/\(file)")?.permissions == 0o600)
        }
    }

    @Test func aRemovedTokenStopsWorkingForEver() throws {
        let (first, second) = (try name("first"), try name("second"))
        let tokens = try with { store in
            let tokens = [try store.create(first), try store.create(second)]
            #expect(try store.remove(first))
            #expect(store.name(forToken: tokens[0]) == nil)
            #expect(store.name(forToken: tokens[1]) == second)
            #expect(try !store.remove(first))
            return tokens
        }
        try with { store in
            #expect(store.name(forToken: tokens[0]) == nil)
            #expect(store.name(forToken: tokens[1]) == second)
            #expect(store.names == [second])
        }
    }

    @Test func aNameThatHasATokenGetsNoOther() throws {
        let name = try name("ci")
        let token = try with { store in
            let token = try store.create(name)
            #expect(throws: StoreError.self) { try store.create(name) }
            return token
        }
        try with { store in
            #expect(throws: StoreError.self) { try store.create(name) }
            #expect(store.name(forToken: token) == name)
        }
    }

    @Test func aReservedNameGetsNoToken() throws {
        try with { store in
            for name in [PrincipalName.anonymous, .strongroom, .local] {
                #expect(throws: StoreError.self) { try store.create(name) }
            }
            #expect(store.names == [])
        }
    }

    @Test func whatTheLogDoesNotNameIsRemoved() throws {
        let names = try ["a", "b", "c", "d"].map { try name($0) }
        let tokens = try with { store in try names.map { try store.create($0) } }
        try with { store in
            var removed = try store.removeAll(except: [names[1], names[3]])
            #expect(removed == [names[0], names[2]])
            removed = try store.removeAll(except: [names[1], names[3]])
            #expect(removed == [])
            #expect(tokens.map { store.name(forToken: $0) } == [nil, names[1], nil, names[3]])
        }
        try with { store in #expect(store.names == [names[1], names[3]]) }
    }

    @Test func aClosedStoreMakesNoToken() throws {
        let store = try CredentialStore(paths)
        store.close()
        #expect(throws: StoreError.self) { try store.create(try name("a")) }
        #expect(store.names == [])
    }

    @Test func aLostFileIsMadeAnew() throws {
        let token = try with { try $0.create(try name("a")) }
        try FileSystem.removeTree(paths.state)
        try with { store in
            #expect(store.name(forToken: token) == nil)
            #expect(store.names == [])
            _ = try store.create(try name("a"))
        }
    }

    @Test func eachChangedByteOfAnEntryIsFound() throws {
        let text = "a-name-that-is-found"
        try with { _ = try $0.create(try name(text)) }
        let whole = try file
        let places = whole.indices.filter { whole[$0...].starts(with: text.utf8) }
        let entrySize = 8 + 1 + 16 + 32
        #expect(!places.isEmpty)
        for offset in -entrySize..<text.utf8.count {
            var bytes = whole
            for place in places { bytes[place + offset] ^= 1 }
            try FileSystem.writeDurably(
                bytes.span,
                to: paths.credentialsFile,
                permissions: 0o600
            )
            expectDamaged("byte \(offset) of an entry") { try with { _ in } }
            expectDamaged("byte \(offset) of an entry") {
                try CredentialStore.names(inFileAt: paths.credentialsFile)
            }
        }
    }

    @Test func aNewerEntryIsRefused() throws {
        try with { _ in }
        let key: [UInt8] = [0, 0, 0, 0, 0, 1]
        let content = [UInt8](repeating: 2, count: 1 + 16 + 32) + Array("a".utf8)
        let covered = key + content
        let value = SHA256.hash(covered.span).bytes.prefix(8) + content
        do {
            let environment = try LMDBKit.Environment(
                path: paths.credentialsFile,
                access: .readWrite(mapSizeBytes: 1 << 20),
                maxDatabases: 2
            )
            let transaction = try environment.beginWrite()
            let table = try #require(try transaction.openDatabase("credentials"))
            try transaction.put(key.span, value.span, in: table, mode: .insert)
            try transaction.commit()
            environment.close()
        }
        #expect(throws: StoreError.newerFormat(path: paths.credentialsFile, version: 2)) {
            try with { _ in }
        }
    }

    @Test func manyThreadsMakeAndUseTokens() throws {
        let store = try CredentialStore(paths)
        let wrong = Platform.Mutex<[String]>([])
        let threads = (0..<4).map { number in
            Thread(name: "tokens-\(number)") {
                for turn in 0..<8 {
                    guard let name = try? PrincipalName("t\(number).\(turn)"),
                        let token = try? store.create(name), store.name(forToken: token) == name,
                        turn % 2 == 0 || (try? store.remove(name)) == true,
                        store.name(forToken: token) == (turn % 2 == 0 ? name : nil)
                    else { return wrong.withLock { $0.append("\(number).\(turn)") } }
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(wrong.withLock { $0 } == [])
        #expect(store.names.count == 16)
        store.close()
        try with { #expect($0.names.count == 16) }
    }

    private func expectDamaged<Result>(_ what: String, _ body: () throws -> Result) {
        do {
            _ = try body()
            Issue.record("\(what) was not noticed")
        } catch StoreError.damaged {
            // As it must be.
        } catch {
            Issue.record("\(what): \(error)")
        }
    }

    private func contains(_ bytes: [UInt8], _ part: [UInt8]) -> Bool {
        guard let first = part.first else { return true }
        return bytes.indices.contains {
            bytes[$0] == first && bytes[$0...].starts(with: part)
        }
    }
}
