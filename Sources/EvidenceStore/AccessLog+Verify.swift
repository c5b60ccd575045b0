import Cryptography
import Platform

extension AccessLog {
    /// Checks every line of every file, and that the chain comes by each of `digests`.
    ///
    /// For a log that nobody has open; changes nothing. `digests`: those that the log's records
    /// hold, in any order. `beginning`: where the chain begins here; what the digests up to there
    /// cover was lost with another disk. Of each file the first fault is told.
    /// - Throws: A system call that failed.
    package static func verify(
        directory: String,
        digests: [Digest],
        from beginning: Position = .start
    ) throws(StoreError) -> [FsckReport.Finding] {
        var check = AccessCheck(directory: directory, digests: digests, beginning)
        try check.run()
        return check.report.findings
    }
}

/// Follows the chain line by line.
struct AccessChain {
    /// Behind the last line; nil before the first one, if it may be any.
    private(set) var position: AccessLog.Position?
    /// The last line's entry, if it has one.
    private(set) var entry: AccessEntry?

    /// `position`: where the first line must follow.
    init(_ position: AccessLog.Position?) {
        self.position = position
    }

    /// Takes the next line in, and goes on from what it says whether it is right or not.
    ///
    /// - Returns: What is wrong with it.
    mutating func take(_ bytes: [UInt8]) -> String? {
        guard let line = AccessLine(parsing: bytes.span) else {
            entry = nil
            position = position.map { position in
                AccessLog.Position(
                    count: position.count + 1,
                    head: AccessLine.hash(bytes.span, after: position.head)
                )
            }
            return "a line is no entry of an access log"
        }
        let before = position ?? line.previous
        entry = line.entry
        position = AccessLog.Position(
            count: line.previous.count + 1,
            head: AccessLine.hash(bytes.span, after: line.previous.head)
        )
        guard line.previous.count == before.count else {
            return "line \(line.previous.count + 1) stands where line \(before.count + 1) must be"
        }
        guard line.previous.head == before.head else {
            return "line \(line.previous.count + 1) does not continue the chain: a line before it "
                + "was changed"
        }
        return nil
    }
}

/// One check of an access log.
private struct AccessCheck {
    private(set) var report = FsckReport()
    private let directory: String
    private var chain: AccessChain
    /// The digests that the chain has not come by, by their place.
    private var digests: [UInt64: [AccessLog.Digest]]

    init(
        directory: String,
        digests: [AccessLog.Digest],
        _ beginning: AccessLog.Position
    ) {
        self.directory = directory
        chain = AccessChain(beginning)
        let lost = digests.filter { $0.count < beginning.count }
        if let last = lost.last {
            report.note(
                directory,
                "it does not hold the lines up to \(last.day): they were not in the copy that "
                    + "the log was restored from"
            )
        }
        let others = digests.filter { $0.count >= beginning.count }
        self.digests = Dictionary(grouping: others, by: \.count)
    }

    mutating func run() throws(StoreError) {
        let directory = directory
        let found = try onDisk { () throws(SystemError) in
            try FileSystem.exists(directory) ? try FileSystem.list(directory) : []
        }
        passDigests()
        let days = found.isEmpty ? [] : try AccessFiles.days(in: directory)
        for name in found where !days.contains(where: { "\($0.text).log" == name }) {
            report.note("\(directory)/\(name)", "it is no file of the access log")
        }
        for file in days {
            let path = "\(directory)/\(file.text).log"
            do throws(StoreError) {
                try check(path, of: file.day, isNewest: file.day == days.last?.day)
            } catch {
                guard case .damaged(_, let detail) = error else { throw error }
                report.damage(path, detail)
            }
        }
        reportDigests()
    }

    private mutating func check(
        _ path: String,
        of day: Int64,
        isNewest: Bool
    ) throws(StoreError) {
        let sizeBytes = try onDisk { () throws(SystemError) in try File(path, .read).sizeBytes() }
        var reader = try AccessLineReader(path)
        var fault: String?
        var isFirst = true
        while let line = try reader.next() {
            let found = chain.take(line) ?? dayFault(of: day, isFirst: isFirst)
            fault = fault ?? found
            isFirst = false
            passDigests()
        }
        if let fault { report.damage(path, fault) }
        let isTorn = reader.lineEndOffset < sizeBytes
        switch (isNewest, isFirst, isTorn) {
        case (_, false, false): break
        case (true, _, _):
            report.note(path, "its last line was not finished; the next start removes it")
        case (false, true, _): report.damage(path, "it has no line")
        case (false, false, true): report.damage(path, "its last line is cut")
        }
    }

    /// What is wrong with the last line's time.
    private func dayFault(of day: Int64, isFirst: Bool) -> String? {
        guard let entry = chain.entry, entry.day > day || (isFirst && entry.day != day) else {
            return nil
        }
        return "a line of \(entry.time) stands in it"
    }

    /// Takes out the digests that the chain comes by at its present end.
    private mutating func passDigests() {
        guard let position = chain.position, let here = digests[position.count] else { return }
        let others = here.filter { $0.head != position.head }
        digests[position.count] = others.isEmpty ? nil : others
    }

    private mutating func reportDigests() {
        let days = digests.values.flatMap { $0.map(\.day) }.sorted()
        guard let first = days.first, let last = days.last else { return }
        let which = first == last ? "of \(first)" : "of \(first) to \(last)"
        report.damage(
            directory,
            "it does not hold what \(days.count) digest\(days.count == 1 ? "" : "s") in the log "
                + "(\(which)) \(days.count == 1 ? "covers" : "cover"): lines are missing or changed"
        )
    }
}
