internal import Attestation
internal import Cryptography
internal import EvidenceModel
internal import Platform
internal import TransparencyLog

/// Reads the time-stamps of a log from its server, and compares them with the tree that was read.
///
/// Nothing that the server says of them is believed, but that there are no others.
final class TimeStampReader {
    private let connection: APIConnection
    private let anchors: TimeStampAnchors?
    private let walked: LogWalk.Outcome
    private let keys: [VerifierKey]
    private let now = Clock.wallMilliseconds()

    private static let pageCount = 1_000

    /// `keys` are all that sign the log; without `anchors` nobody is verified.
    init(
        _ connection: APIConnection,
        _ walked: LogWalk.Outcome,
        keys: [VerifierKey],
        anchors: TimeStampAnchors?
    ) {
        self.connection = connection
        self.walked = walked
        self.keys = keys
        self.anchors = anchors
    }

    /// Reads the list, and the time-stamps that decide for the records of a period.
    func read(_ records: ClosedRange<UInt64>) throws(CommandFailure) -> ReportTimeStamps {
        var found = ReportTimeStamps(
            isAsked: anchors != nil,
            asked: Timestamp(milliseconds: now) ?? .earliest
        )
        do throws(CommandFailure) {
            try readList(records, into: &found)
        } catch {
            guard error.code == .notFound || error.code == .refused else { throw error }
            found.unread = error.message
            return found
        }
        found.authorities.sort { $0.name < $1.name }
        for place in found.authorities.indices {
            let name = found.authorities[place].name
            try judge(&found.authorities[place].deciding, name)
            if var newest = found.authorities[place].newest {
                try judge(&newest, name)
                found.authorities[place].newest = newest
            }
        }
        return found
    }

    /// Each page is of smaller trees than the one before: it ends.
    private func readList(
        _ records: ClosedRange<UInt64>,
        into found: inout ReportTimeStamps
    ) throws(CommandFailure) {
        let what = "time-stamps"
        var below = walked.signed.checkpoint.size.value + 1
        while true {
            var path = RequestPath("/v1/timestamps")
            path.add("below", "\(below)")
            path.add("limit", "\(Self.pageCount)")
            let page = try connection.getObject(path, what: what)
            guard let listed = page.objects("timestamps") else { throw JSONReply.malformed(what) }
            for entry in listed {
                guard let size = entry.number("size"), let name = entry.text("authority"),
                    let time = entry.text("time"), size < below,
                    TimeStampAuthority.isName(name)
                else { throw JSONReply.malformed(what) }
                found.take(
                    authority: name,
                    size: TreeSize(size),
                    time: time,
                    records: records
                )
            }
            guard let next = page.number("below") else { return }
            guard next < below else { throw JSONReply.malformed(what) }
            below = next
        }
    }

    // MARK: One of them

    private func judge(
        _ stamp: inout ReportTimeStamps.Stamp,
        _ authority: String
    ) throws(CommandFailure) {
        do throws(CommandFailure) {
            let note = try fetch(stamp, authority, "checkpoint")
            stamp.note = String(decoding: note, as: UTF8.self)
            stamp.record = try fetch(stamp, authority, "evidence-record")
        } catch {
            guard [.notFound, .refused, .verificationFailed].contains(error.code) else {
                throw error
            }
            (stamp.note, stamp.record) = ("", [])
            stamp.standing = .unaccepted("it is listed, and not served: \(error.message)")
            return
        }
        stamp.standing = try standing(of: &stamp)
    }

    private func standing(
        of stamp: inout ReportTimeStamps.Stamp
    ) throws(CommandFailure) -> ReportTimeStamps.Standing {
        let checkpoint: Checkpoint
        do throws(NoteError) {
            let origin = walked.signed.checkpoint.origin
            checkpoint = try SignedCheckpoint.open(stamp.note, origin: origin, keys: keys)
                .checkpoint
        } catch { return .wrong("its checkpoint is not signed by the log: \(error)") }
        guard checkpoint.size == stamp.size,
            try walked.state.root(at: stamp.size) == checkpoint.root
        else { return .wrong("its checkpoint is not one of the tree that was read") }
        let record: TimeStampRecord
        do throws(DERError) {
            record = try TimeStampRecord(parsing: stamp.record)
        } catch { return .wrong("it cannot be read: \(error)") }
        let milliseconds = record.first.token.milliseconds
        stamp.milliseconds = milliseconds
        stamp.time =
            Timestamp(milliseconds: milliseconds)?.rfc3339 ?? "\(milliseconds) ms after 1970"
        return verdict(record, Array(checkpoint.text.utf8))
    }

    private func verdict(
        _ record: TimeStampRecord,
        _ text: [UInt8]
    ) -> ReportTimeStamps.Standing {
        do throws(TimeStampRecord.Fault) {
            guard let anchors else {
                try record.check(text)
                return .listed
            }
            let signers = try record.verify(text, anchors: anchors, at: now)
            return .verified(signers.last?.subject ?? "")
        } catch {
            // Whether it leads to nobody or to somebody who was not named cannot be told apart.
            if case .token(_, .certificate) = error { return .unaccepted("\(error)") }
            return .wrong("\(error)")
        }
    }

    private func fetch(
        _ stamp: ReportTimeStamps.Stamp,
        _ authority: String,
        _ form: String
    ) throws(CommandFailure) -> [UInt8] {
        var path = RequestPath("/v1/timestamps")
        path.addSegment("\(stamp.size)")
        path.addSegment(authority)
        path.add("form", form)
        return try connection.get(path, what: "time-stamp of \(stamp.size) by \(authority)").body
    }
}
