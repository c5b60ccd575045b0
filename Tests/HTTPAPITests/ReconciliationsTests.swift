import EvidenceModel
import Platform
import Replication
import Testing

@testable import HTTPAPI

/// Comparisons that requests begin and come back for.
@Suite struct ReconciliationsTests {
    private final class Gate: Sendable {
        private let isOpen = Mutex(false)
        private let opened = Condition()

        func open() {
            isOpen.withLock { $0 = true }
            opened.broadcast()
        }

        func wait() { isOpen.withLock(when: { $0 }, on: opened) { _ in } }
    }

    private var soon: UInt64 { Clock.monotonicNanoseconds() + 10_000_000 }

    @Test func theOutcomeIsKeptUntilTheNextOne() throws {
        let comparisons = Reconciliations()
        let name = try TargetName("copy")
        let gate = Gate()
        let run = try #require(
            comparisons.begin(name) { progress in
                progress(0.4)
                gate.wait()
                return .success(["differences": .integer(3)])
            }
        )
        #expect(comparisons.begin(name) { _ in .success([:]) } == nil)
        let waiting = try #require(comparisons.wait(for: name, run.id, until: soon))
        #expect(waiting.outcome == nil)
        gate.open()
        let ended = try #require(comparisons.wait(for: name, run.id, until: .max))
        #expect(ended.percent == 40)
        // As often as it is asked for: a reply may be lost.
        for _ in 0..<2 {
            let again = try #require(comparisons.wait(for: name, run.id, until: soon))
            #expect(try again.outcome?.get()["differences"] == .integer(3))
        }
        let next = try #require(
            comparisons.begin(name) { _ in .failure(.refused("it is fenced")) }
        )
        #expect(next.id != run.id)
        #expect(comparisons.wait(for: name, run.id, until: .max) == nil)
        let failed = try #require(comparisons.wait(for: name, next.id, until: .max))
        #expect(throws: TargetError.self) { try failed.outcome?.get() }
        comparisons.wait()
    }

    @Test func targetsAreComparedSideBySide() throws {
        let comparisons = Reconciliations()
        let gate = Gate()
        let names = try ["a", "b"].map { try TargetName($0) }
        let runs = names.map { name in
            comparisons.begin(name) { _ in
                gate.wait()
                return .success(["name": .string(name.text)])
            }
        }
        gate.open()
        for (name, run) in zip(names, runs) {
            let run = try #require(run)
            let ended = try #require(comparisons.wait(for: name, run.id, until: .max))
            #expect(try ended.outcome?.get()["name"] == .string(name.text))
        }
        comparisons.wait()
    }
}
