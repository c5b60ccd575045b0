import EvidenceModel
import Platform
import TransparencyLog

/// What an erasure gave back.
package struct ErasedBytes: Equatable, Sendable {
    /// Files that are gone, those included that a smaller one took the place of.
    package var files = 0
    /// Bytes on the disk.
    package var bytes: UInt64 = 0

    package static func += (left: inout ErasedBytes, right: ErasedBytes) {
        left.files += right.files
        left.bytes += right.bytes
    }
}

/// Removes the bytes of records whose erasure is durable in the log.
///
/// In a sealed segment, for each file of payloads:
/// 1. what was left by an interrupted erasure is removed;
/// 2. if something in the file stands, that is copied into the file's next generation under a
///    temporary name, synced, read back, and gets its name;
/// 3. `SHA256SUMS` is written anew, with the lines of the other files as they were: its rename is
///    what makes the erasure take effect, and the directory is synced;
/// 4. the old file is unlinked, the directory synced, and readers turn to the new file. The space
///    is given back when the last reader in the old one is done.
///
/// A crash at any point leaves a list and the files that it names. The same call again finishes
/// what is left, and does nothing where nothing is.
struct SegmentEraser: Sendable {
    let paths: StorePaths
    let geometry: SegmentGeometry
    let sealed: SealedSegmentCache
    let uploads: UploadDirectory
    /// Nil: a copy may take all the room that there is.
    var reserve: DiskReserve?
    /// Called after each change of the file system; tests look at what a crash there leaves.
    var afterStep: @Sendable (_ step: String) -> Void = { _ in }

    init(
        paths: StorePaths,
        geometry: SegmentGeometry,
        sealed: SealedSegmentCache,
        uploads: UploadDirectory,
        reserve: DiskReserve? = nil
    ) {
        self.reserve = reserve
        self.paths = paths
        self.geometry = geometry
        self.sealed = sealed
        self.uploads = uploads
    }

    /// Removes payloads, openings and what was made from these, of records of a sealed segment.
    ///
    /// Durable on return. One thread at a time erases in a segment.
    ///
    /// `erased`: all records of the segment that the log says are erased; those of other segments
    /// are left out of account.
    /// - Throws: `damaged` if the list, a record or a file cannot be read; what other files hold
    ///   is removed then. `storageFull` if there is no room for a copy, `system`. What was done
    ///   until then stays done; call again.
    func erase(
        _ erased: IndexRanges,
        in number: SegmentNumber
    ) throws(StoreError) -> ErasedBytes {
        let segment = try sealed.segment(number)
        let members = try SegmentMembers(of: segment.log, number, geometry, without: erased)
        var digests = try SegmentDigests(of: number, paths)
        var result = try removeLeftovers(number, digests, members)
        let touched = digests.files.values.sorted().filter {
            members.groups[$0.group]?.hasErased ?? false
        }
        let ended = touched.filter { members.groups[$0.group]?.standing.isEmpty ?? false }
        // First what goes wholly, whatever state it is in: that makes room for the copies.
        if !ended.isEmpty {
            for name in ended { digests.remove(name.text) }
            result += try publish(digests, replacing: ended, segment)
        }
        result += try uploads.erase(members.erasedUploads)
        var damage: StoreError?
        for name in touched where !ended.contains(name) {
            guard let part = members.groups[name.group] else { continue }
            do throws(StoreError) {
                result += try shrink(name, part, &digests, segment)
            } catch {
                guard case .damaged = error else { throw error }
                damage = damage ?? error
            }
        }
        // Also where nothing was left to do: a crash may have come before this.
        try syncDirectory(number)
        if let damage { throw damage }
        return result
    }

    /// Removes the payload files of records in a segment that is not sealed.
    ///
    /// What stands in its table goes when the segment is written anew (`SegmentRewrite`) or sealed.
    func erasePayloadFiles(
        of erased: IndexRanges,
        in segment: UnsealedSegment
    ) throws(StoreError) -> ErasedBytes {
        let reader = try segment.beginRead()
        let first = geometry.firstIndex(of: segment.number).value
        let end = first + (try reader.recordCount())
        var ids: [UploadID] = []
        for index in erased.indexes where (first..<end).contains(index.value) {
            let frame = try reader.withRecord(at: index) { frame, _ in frame }
            if case .file(let id, _) = frame.payload { ids.append(id) }
        }
        return try uploads.erase(ids)
    }

    // MARK: Steps

    /// Puts the next generation in the place of a file that holds something erased.
    private func shrink(
        _ name: PayloadFileName,
        _ part: SegmentMembers.Part,
        _ digests: inout SegmentDigests,
        _ segment: SealedSegment
    ) throws(StoreError) -> ErasedBytes {
        let path = paths.payloads(segment.number, name)
        guard try holdsErased(path, part) else { return ErasedBytes() }
        let written = try copy(name, part.standing, segment)
        var next = digests
        next.remove(name.text)
        try next.add(name.next.text, ofFileAt: paths.payloads(segment.number, name.next))
        var result = try publish(next, replacing: [name], segment)
        digests = next
        result.bytes -= min(result.bytes, written)
        return result
    }

    /// Whether a file still holds something of erased records.
    ///
    /// - Throws: `damaged` if it holds what is of no record.
    private func holdsErased(
        _ path: String,
        _ part: SegmentMembers.Part
    ) throws(StoreError) -> Bool {
        let isThere = try onDisk { () throws(SystemError) in try FileSystem.exists(path) }
        // A missing file holds nothing; what should stand in it is for `fsck` to report.
        guard isThere else { return false }
        let file = try SealedFile(path: path)
        var (hasErased, isStrange) = (false, false)
        for (table, known) in [
            (TableName.payloads, part.payloads), (TableName.openings, part.openings),
        ] {
            try file.scan(table, prefix: []) { key, _ in
                let index = BigEndian.read(UInt64.self, from: key, at: 0).map { RecordIndex($0) }
                switch index.flatMap({ known[$0] }) {
                case .erased: hasErased = true
                case .standing: break
                case nil: isStrange = true
                }
                return true
            }
        }
        guard !isStrange else {
            throw .damaged(path: path, detail: "it holds entries that belong to no record")
        }
        return hasErased
    }

    /// Writes the next generation of a file.
    ///
    /// - Returns: Its size on disk.
    private func copy(
        _ name: PayloadFileName,
        _ standing: SegmentContents.Group,
        _ segment: SealedSegment
    ) throws(StoreError) -> UInt64 {
        let path = paths.payloads(segment.number, name)
        let final = paths.payloads(segment.number, name.next)
        let temporary = final + SegmentSealer.temporarySuffix
        let size = try onDisk { () throws(SystemError) in try FileSystem.allocatedBytes(path) }
        try reserve?.check(adding: size)
        let copy = PayloadCopy(
            source: try SealedFile(path: path),
            log: segment.log,
            standing: standing
        )
        do throws(StoreError) {
            try copy.write(to: temporary)
            afterStep("copy written")
            try copy.verify(temporary)
            try onDisk { () throws(SystemError) in
                try FileSystem.setPermissions(temporary, 0o440)
                try File(temporary, .read).sync()
                try FileSystem.rename(temporary, to: final)
            }
        } catch {
            // A full disk should not be kept full; what stays is removed by the next erasure.
            for path in [temporary, UnsealedSegment.lockPath(of: temporary)] {
                try? FileSystem.unlinkIfPresent(path)
            }
            throw error
        }
        afterStep("copy named")
        try syncDirectory(segment.number)
        return try onDisk { () throws(SystemError) in try FileSystem.allocatedBytes(final) }
    }

    /// Makes a list of files the valid one, then removes those that it no longer names.
    func publish(
        _ digests: SegmentDigests,
        replacing old: [PayloadFileName],
        _ segment: SealedSegment
    ) throws(StoreError) -> ErasedBytes {
        let number = segment.number
        let path = paths.digests(number)
        let temporary = path + SegmentSealer.temporarySuffix
        try onDisk { () throws(SystemError) in
            try FileSystem.unlinkIfPresent(temporary)
            let file = try File(temporary, .create(permissions: 0o440))
            try file.write(digests.encoded.span)
            try file.sync()
            afterStep("list written")
            try FileSystem.rename(temporary, to: path)
        }
        afterStep("list renamed")
        try syncDirectory(number)
        let result = try remove(old.map { paths.payloads(number, $0) })
        try syncDirectory(number)
        // After the unlink: from here on nobody opens the old files.
        segment.refresh()
        sealed.refresh(number)
        return result
    }

    /// Removes what an interrupted erasure left.
    ///
    /// A file goes only if the list names another generation of it that is there, or if by the
    /// leaves nothing in it stands: a damaged list must not cost evidence.
    private func removeLeftovers(
        _ number: SegmentNumber,
        _ digests: SegmentDigests,
        _ members: SegmentMembers
    ) throws(StoreError) -> ErasedBytes {
        let directory = paths.segment(number)
        let names = try onDisk { () throws(SystemError) in try FileSystem.list(directory) }
        let files = digests.files
        let leftovers = names.filter { name in
            if SegmentSealer.isTemporary(name) { return true }
            guard let file = PayloadFileName(name), files[file.group] != file else { return false }
            if let valid = files[file.group] { return names.contains(valid.text) }
            return members.groups[file.group]?.standing.isEmpty ?? false
        }
        guard !leftovers.isEmpty else { return ErasedBytes() }
        // Nobody knows whether the rename of the list was synced.
        try syncDirectory(number)
        let result = try remove(leftovers.map { "\(directory)/\($0)" })
        try syncDirectory(number)
        return result
    }

    private func remove(_ files: [String]) throws(StoreError) -> ErasedBytes {
        var result = ErasedBytes()
        for path in files {
            try onDisk { () throws(SystemError) in
                guard try FileSystem.exists(path) else { return }
                let bytes = try FileSystem.allocatedBytes(path)
                try FileSystem.unlink(path)
                result += ErasedBytes(files: 1, bytes: bytes)
            }
            afterStep("file unlinked")
        }
        return result
    }

    func syncDirectory(_ number: SegmentNumber) throws(StoreError) {
        let directory = paths.segment(number)
        try onDisk { () throws(SystemError) in try FileSystem.syncDirectory(directory) }
        afterStep("directory synced")
    }
}
