import EvidenceModel
import Testing
import TransparencyLog

@Suite struct RandomAuditTests {
    /// Whatever the rules give passes: records and acts in any order, with erasures and holds.
    @Test(.tags(.property)) func whatTheRulesGivePasses() throws {
        var draw = Draw()
        var drive = try AuditDrive()
        for (name, role) in [("ada", Role.admin), ("ret", .retention), ("byp", .retention)] {
            let grant = AccessGrant(
                name: try PrincipalName(name),
                role: role,
                rights: name == "byp" ? [.bypass] : []
            )
            #expect(try drive.act(.accessChanged(.created(grant)), by: "local") == nil)
        }
        let (admin, retention) = (try Persons.admin(), try Persons.retention())
        var (ruled, refused) = (0, 0)
        for _ in 0..<3_000 {
            drive.now += Int64(draw.int(0...7)) * oneHour
            let names = ["a", "b"]
            if drive.memory.all.count < 20 || draw.chance(2) {
                let length = Int64(draw.int(1...9))
                let end = (drive.now - Ledger.start) / oneDay + length
                let mode = draw.element(of: RetentionMode.allCases)
                let lock =
                    draw.chance(5)
                    ? try Facts.awaiting(mode) : try Facts.lock(mode, end * oneDay)
                let name = "\(draw.int(0...3))/x"
                let sealed = draw.chance(4)
                #expect(
                    try drive.put(lock, in: draw.element(of: names), name: name, isSealed: sealed)
                        == nil
                )
                continue
            }
            let recent = drive.memory.all.suffix(300)
            let facts = (0..<draw.int(1...6)).map { _ in draw.element(of: Array(recent)).facts }
            let matter = try Matter("m\(draw.int(0...3))")
            let proposal: (ActProposal, Principal)
            switch draw.int(0...6) {
            case 0:
                let until = try #require(Timestamp(milliseconds: drive.now + oneDay))
                proposal = (.extendLock(facts[0], LockExtension(until: until)), admin)
            case 1: proposal = (.recordEvent(try EventName("end"), at: nil, facts), retention)
            case 2:
                let named = IndexRanges(facts.map(\.index))
                proposal = (.placeHold(matter, .records(named), facts), retention)
            case 3: proposal = (.releaseHold(matter, nil), admin)
            case 4: proposal = (.bypass(facts), try Persons.bypasser())
            default: proposal = (.erase(facts), .system)
            }
            if try drive.propose(proposal.0, by: proposal.1) == nil {
                ruled += 1
            } else {
                refused += 1
            }
        }
        #expect(ruled > 300, "seed \(draw.seed), \(refused) refused")
        #expect(drive.audit.state.erased(in: 0...drive.next).count > 50)
    }
}
