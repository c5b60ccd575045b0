package import EvidenceModel
import Platform
import TransparencyLog

/// What was found of the payloads and openings of one segment.
package struct PayloadSurvey: Sendable {
    package let segment: SegmentNumber
    /// Whether the segment is sealed.
    package let isSealed: Bool
    /// Payloads that were read, or stand in a file that is as it was written.
    package fileprivate(set) var checkedPayloads: UInt64 = 0
    /// Records whose payload or opening is damaged or missing, and how.
    package fileprivate(set) var damaged: [RecordIndex: String] = [:]
    /// Those of them whose payload is in a file of its own.
    package fileprivate(set) var damagedLarge: Set<RecordIndex> = []
    /// What is wrong with whole files; a file of payloads may still hold all that it should.
    package fileprivate(set) var files: [(name: String, problem: String)] = []
    /// Files of payloads that are to be written anew.
    fileprivate(set) var groups: Set<PayloadGroup> = []

    fileprivate init(_ segment: SegmentNumber, isSealed: Bool) {
        self.segment = segment
        self.isSealed = isSealed
    }
}

extension EvidenceStore {
    /// The segments of the log, as far as it is published.
    package var segmentNumbers: [SegmentNumber] {
        let size = view.checkpoint.size.value
        guard size > 0 else { return [] }
        let last = view.geometry.segment(of: RecordIndex(size - 1))
        return (0...last.value).map { SegmentNumber($0) }
    }

    /// Reads all payloads and openings of a segment, those of erased records left out.
    ///
    /// A file of payloads that has the digest which the segment's list names may lack something all
    /// the same, since a repair that had not all of it: of its entries the checksums are compared.
    /// All other payloads are read from end to end.
    ///
    /// `isStopping`: asked now and then, as it may take minutes.
    /// - Throws: `damaged` if the segment itself cannot be read; `unavailable` where it stops.
    package func surveyPayloads(
        of number: SegmentNumber,
        isStopping: () -> Bool = { false }
    ) throws(StoreError) -> PayloadSurvey {
        let isSealed = view.unsealedSegment(number) == nil
        var survey = PayloadSurvey(number, isSealed: isSealed)
        var sound: [PayloadGroup: SealedFile] = [:]
        if isSealed { sound = try surveyFiles(&survey) }
        let reader = try view.beginRead(number)
        let size = view.checkpoint.size.value
        for value in view.geometry.range(of: number) where value < size {
            if isStopping() { throw .unavailable("the survey was ended early") }
            let index = RecordIndex(value)
            let (frame, bytes) = try reader.record(at: index)
            let record = try Record.stored(bytes.span, at: index, in: reader.path)
            guard let lock = record.lock, view.withState({ $0.erasure(of: index) }) == nil else {
                continue
            }
            survey.checkedPayloads += 1
            if case .table(_, let checksum) = frame.payload, !record.isSealed,
                let file = sound[PayloadGroup(lock)], Self.holds(file, index, checksum)
            {
                continue
            }
            guard let problem = payloadProblem(at: index) else { continue }
            survey.damaged[index] = problem
            var isInGroup = record.isSealed
            switch frame.payload {
            case .none: break
            case .table: isInGroup = true
            case .file: survey.damagedLarge.insert(index)
            }
            if isSealed, isInGroup { survey.groups.insert(PayloadGroup(lock)) }
        }
        return survey
    }

    /// A record's bytes alone, whatever became of its payload and opening.
    ///
    /// - Throws: `notFound`, `damaged`.
    package func recordBytes(at index: RecordIndex) throws(StoreError) -> [UInt8] {
        try checkExists(index)
        return try view.beginRead(view.geometry.segment(of: index)).record(at: index).1
    }

    private static func holds(_ file: SealedFile, _ index: RecordIndex, _ checksum: UInt64) -> Bool
    {
        // What is wrong is found and told by the full reading.
        (try? file.beginRead().checkChunk(of: index, checksum: checksum)) != nil
    }

    /// Compares the files of a sealed segment with its list; returns those that are as listed.
    private func surveyFiles(
        _ survey: inout PayloadSurvey
    ) throws(StoreError) -> [PayloadGroup: SealedFile] {
        let (number, paths) = (survey.segment, view.paths)
        let digests: SegmentDigests
        do throws(StoreError) {
            digests = try SegmentDigests(of: number, paths)
        } catch {
            survey.files.append((SegmentDigests.fileName, "\(error)"))
            return [:]
        }
        var sound: [PayloadGroup: SealedFile] = [:]
        for (name, digest) in digests.digests.sorted(by: { $0.key < $1.key }) {
            let path = "\(paths.segment(number))/\(name)"
            let problem: String?
            do throws(StoreError) {
                let isEqual = try SegmentDigests.digest(ofFileAt: path) == digest
                problem = isEqual ? nil : "it has other bytes than \(SegmentDigests.fileName) says"
            } catch {
                problem = "\(error)"
            }
            let group = PayloadFileName(name)?.group
            if let problem {
                survey.files.append((name, problem))
                if let group { survey.groups.insert(group) }
            } else if let group {
                sound[group] = try? SealedFile(path: path)
            }
        }
        // A file that was removed can still be open: what is read from here on is what is there.
        if !survey.files.isEmpty { view.sealed.refresh(number) }
        return sound
    }

    /// What is wrong with a record's payload or opening; `nil` if nothing is, or it was erased.
    private func payloadProblem(at index: RecordIndex) -> String? {
        do throws(StoreError) {
            let stored = try record(at: index)
            if case .sealedEvidence(let sealed) = stored.record {
                guard let opening = stored.opening, opening.commitment == sealed.commitment else {
                    return view.withState { $0.erasure(of: index) } == nil
                        ? "its opening is missing or not its own" : nil
                }
            }
            if case .file(let id, _) = stored.frame.payload, try evicted.isEvicted(id) {
                return nil
            }
            let reader = try payload(of: stored)
            var offset: UInt64 = 0
            while offset < reader.sizeBytes {
                offset += UInt64(try reader.read(at: offset, limit: 1 << 20).count)
            }
            return nil
        } catch .erased {
            return nil
        } catch {
            return "\(error)"
        }
    }
}
