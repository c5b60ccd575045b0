import EvidenceModel
import Testing
import TransparencyLog

/// The table of roles, written out once more.
private let table: [(Permission, roles: String)] = [
    (.appendEvidence, "writer"), (.readEvidence, "auditor"), (.readEntries, "auditor"),
    (.readLock, "auditor retention admin"), (.extendLock, "retention admin"),
    (.placeHold, "retention admin"), (.releaseHold, "admin"), (.recordEvent, "retention admin"),
    (.erase, "retention"), (.bypass, ""), (.setPolicy, "admin"), (.manageTokens, "admin"),
    (.readTokens, "auditor admin"), (.resyncClock, "admin"),
    (.readClock, "auditor retention admin"), (.closeLog, "admin"), (.rotateKey, "admin"),
    (.manageTargets, "admin"), (.readTargets, "auditor retention admin"),
    (.manageTimestamps, "admin"),
]

@Suite struct PrincipalTests {
    private func principal(
        _ role: Role?,
        rights: Set<Right> = [],
        collections: Set<CollectionName>? = nil,
        name: String = "alice"
    ) throws -> Principal {
        let name = try PrincipalName(name)
        return Principal(
            name: name,
            role: role,
            rights: rights,
            collections: collections,
            chain: [name]
        )
    }

    @Test func theTableIsComplete() {
        #expect(Set(table.map(\.0)) == Set(Permission.allCases))
        for permission in Permission.allCases { #expect(!permission.description.isEmpty) }
    }

    @Test func rolesAllowWhatTheTableSays() throws {
        let here = try CollectionName("here")
        for role in Role.allCases {
            let bearer = try principal(role)
            for (permission, roles) in table {
                let isAllowed = roles.split(separator: " ").contains { $0 == role.rawValue }
                #expect(bearer.may(permission, in: nil) == isAllowed, "\(role) \(permission)")
                #expect(bearer.may(permission, in: here) == isAllowed, "\(role) \(permission)")
            }
        }
    }

    @Test func aBypassTakesTheRightAndOneOfTwoRoles() throws {
        for role in Role.allCases {
            let bearer = try principal(role, rights: [.bypass])
            #expect(bearer.may(.bypass) == (role == .retention || role == .admin))
            for (permission, _) in table where permission != .bypass {
                let plain = try principal(role).may(permission)
                #expect(bearer.may(permission) == plain)
            }
        }
        #expect(!(try principal(nil, rights: [.bypass]).may(.bypass)))
    }

    @Test func aScopeIsNotLeft() throws {
        let (here, there) = (try CollectionName("here"), try CollectionName("there"))
        // What concerns no collection, and what concerns the whole log.
        let free: Set<Permission> = [.manageTokens, .readTokens, .readClock]
        let whole: Set<Permission> = [
            .readEntries, .resyncClock, .rotateKey, .closeLog, .manageTargets, .readTargets,
            .manageTimestamps,
        ]
        for role in Role.allCases {
            let all = try principal(role, rights: [.bypass])
            let scoped = try principal(role, rights: [.bypass], collections: [here])
            let shut = try principal(role, rights: [.bypass], collections: [])
            for permission in Permission.allCases {
                let isAllowed = all.may(permission)
                let isFree = free.contains(permission)
                let isWhole = whole.contains(permission)
                #expect(scoped.may(permission, in: here) == (isAllowed && !isWhole))
                #expect(scoped.may(permission, in: there) == (isAllowed && isFree))
                #expect(scoped.may(permission, in: nil) == (isAllowed && isFree))
                #expect(shut.may(permission, in: here) == (isAllowed && isFree))
            }
        }
    }

    @Test func threeNamesAreNotForTokens() throws {
        for permission in Permission.allCases {
            let needsAName = permission == .bypass || permission == .resyncClock
            #expect(Principal.anonymous.may(permission) == !needsAName)
            let isOwn = [.readEvidence, .readLock, .readClock, .erase].contains(permission)
            #expect(Principal.system.may(permission) == isOwn)
            let isLocal = [.manageTokens, .readTokens].contains(permission)
            #expect(Principal.local.may(permission) == isLocal)
            #expect(!(try principal(nil).may(permission)))
        }
        for name in ["anonymous", "strongroom", "local"] {
            #expect(try PrincipalName(name).isReserved)
        }
        #expect(!(try PrincipalName("locals").isReserved))
        #expect(Principal.anonymous.name == .anonymous)
        #expect(Principal.system.name.text == "strongroom")
    }
}

private func long(_ count: Int, _ character: Character = "a") -> String {
    String(repeating: character, count: count)
}

@Suite struct NameTests {
    @Test(arguments: ["a", "0", "case-4711", "A/b:c@d.e_f-9", long(128)])
    func mattersAreAccepted(_ text: String) throws {
        #expect(try Matter(text).text == text)
        #expect(try Matter(text).description == text)
    }

    @Test(arguments: ["", "-a", "/a", "a b", "é", "a\n", long(129)])
    func mattersAreRefused(_ text: String) {
        let found = error { () throws(LimitViolation) in try Matter(text) }
        #expect(found?.field == .matter)
    }

    @Test(arguments: ["a", "contract-end", "0._-", long(63)])
    func eventsAreAccepted(_ text: String) throws {
        #expect(try EventName(text).text == text)
    }

    @Test(arguments: ["", "-a", "A", "a:b", "é", long(64)])
    func eventsAreRefused(_ text: String) {
        let found = error { () throws(LimitViolation) in try EventName(text) }
        #expect(found?.field == .event)
    }

    @Test(arguments: ["a", "ci:team@example.org_1-2", long(63)])
    func principalsAreAccepted(_ text: String) throws {
        #expect(try PrincipalName(text).text == text)
    }

    @Test(arguments: ["", ":a", "A", "a/b", "a b", "é", long(64)])
    func principalsAreRefused(_ text: String) {
        let found = error { () throws(LimitViolation) in try PrincipalName(text) }
        #expect(found?.field == .principal)
    }

    @Test(arguments: ["r", " ", "Zoë said \"so\"", long(1_024), long(512, "é")])
    func reasonsAreAccepted(_ text: String) throws {
        #expect(try Reason(text).description.utf8.elementsEqual(text.utf8))
    }

    @Test(arguments: ["", "a\nb", "\u{7F}", "\u{85}", long(1_025), long(513, "é")])
    func reasonsAreRefused(_ text: String) {
        let found = error { () throws(LimitViolation) in try Reason(text) }
        #expect(found?.field == .reason)
    }

    @Test func namesAreOrderedByBytes() throws {
        #expect(try Matter("A") < Matter("a"))
        #expect(try EventName("a-") < EventName("a0"))
        #expect(try PrincipalName("a-") < PrincipalName("a0"))
    }
}

@Suite struct SelectionTests {
    private func facts(
        _ name: String?,
        _ labels: [(key: String, value: String)] = [],
        in collection: String = "a"
    ) throws -> RecordFacts {
        var description: EvidenceDescription?
        if let name {
            description = EvidenceDescription(
                name: try EvidenceName(name),
                labels: try Labels(labels),
                payloadDigest: Samples.digest(of: ""),
                payloadSize: 0
            )
        }
        return RecordFacts(
            index: RecordIndex(1),
            collection: try CollectionName(collection),
            lock: try Samples.lock(),
            received: .earliest,
            description: description,
            leafHash: Samples.digest(of: "")
        )
    }

    @Test func allThatIsNamedMustMatch() throws {
        let a = try CollectionName("a")
        let all = try Selection(collection: a)
        #expect(!all.needsDescription)
        #expect(all.matches(try facts(nil)))
        #expect(all.matches(try facts("x")))
        #expect(!all.matches(try facts(nil, in: "b")))

        let prefix = try Selection(collection: a, namePrefix: "x/y")
        #expect(prefix.needsDescription)
        for (name, isMatch) in [("x/y", true), ("x/yz", true), ("x", false), ("z/x/y", false)] {
            #expect(prefix.matches(try facts(name)) == isMatch, "\(name)")
        }
        #expect(!prefix.matches(try facts(nil)))
        #expect(!prefix.matches(try facts("x/y", in: "b")))

        let labels = try Selection(collection: a, labels: Labels([("k", "1"), ("l", "")]))
        #expect(labels.needsDescription)
        #expect(labels.matches(try facts("x", [("k", "1"), ("l", ""), ("m", "2")])))
        #expect(!labels.matches(try facts("x", [("k", "1")])))
        #expect(!labels.matches(try facts("x", [("k", "2"), ("l", "")])))
        #expect(!labels.matches(try facts(nil)))
    }

    /// A prefix is one of bytes: a letter is not cut, and not composed.
    @Test func prefixesAreComparedByBytes() throws {
        let a = try CollectionName("a")
        let composed = try Selection(collection: a, namePrefix: "\u{EB}")
        #expect(composed.matches(try facts("\u{EB}x")))
        #expect(!composed.matches(try facts("e\u{308}x")))
        #expect(composed != (try Selection(collection: a, namePrefix: "e\u{308}")))
        let bare = try Selection(collection: a, namePrefix: "e")
        #expect(bare.matches(try facts("e\u{308}x")))
    }

    @Test(arguments: ["", "a\n", long(1_025)]) func prefixesHaveLimits(_ text: String) throws {
        let a = try CollectionName("a")
        let found = error { () throws(LimitViolation) in
            try Selection(collection: a, namePrefix: text)
        }
        #expect(found?.field == .namePrefix)
    }
}
