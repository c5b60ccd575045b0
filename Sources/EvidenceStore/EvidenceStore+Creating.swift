package import Cryptography
package import EvidenceModel
import Platform
package import TransparencyLog

extension EvidenceStore {
    /// Makes an empty log: its directory, `log.json`, and record 0, `log.created`.
    ///
    /// Durable on return. A directory that is there must be empty, but for the signing key, and for
    /// a successor the log that it goes on for (`StorePaths.predecessor`).
    ///
    /// `signer`: the log's key; its name is the log's origin.
    /// `founders`: who makes the log, for record 0.
    /// `predecessor`: the log that this one goes on for; of another origin.
    /// `bundleVerifier`: the SHA-256 of the verifier that this program puts into bundles.
    /// `time`: the clocks; a log that begins at some time is opened with the same ones.
    /// - Throws: `invalid` if the directory is not empty or record 0 cannot say this, `system`.
    package static func create(
        at path: String,
        geometry: SegmentGeometry,
        signer: NoteSigner,
        founders: [String],
        predecessor: Predecessor? = nil,
        bundleVerifier: SHA256Digest? = nil,
        time: TimeSource = .machine
    ) throws(StoreError) -> LogDescription {
        let paths = StorePaths(path)
        let description = LogDescription(
            origin: signer.name,
            geometry: geometry,
            verifierKey: signer.verifierKey
        )
        try makeDirectories(paths, beside: predecessor == nil ? [] : [paths.predecessor])
        try UploadDirectory.create(paths)
        guard let now = Timestamp(milliseconds: time.wallMilliseconds()) else {
            throw .invalid("the machine's clock is outside the years 1970 to 9999: set it first")
        }
        let record: [UInt8]
        do throws(LimitViolation) {
            record =
                Record.logCreated(
                    try LogCreation(
                        origin: signer.name,
                        founders: founders,
                        segmentHeight: geometry.height,
                        verifierKeys: [signer.verifierKey],
                        predecessor: predecessor,
                        bundleVerifier: bundleVerifier,
                        received: now
                    )
                ).encoded
        } catch {
            throw .invalid("\(error)")
        }
        let segment = try UnsealedSegment(SegmentNumber(0), geometry: geometry, paths: paths)
        try segment.commit(
            [
                PendingRecord(
                    index: RecordIndex(0),
                    frameBytes: RecordFrame.withoutPayload.encoded(record: record.span),
                    chunk: nil,
                    opening: nil
                )
            ],
            tiles: [],
            metrics: StoreMetrics()
        )
        segment.close()
        // A clock that begins here has its whole budget; one whose state was lost has none.
        let state = try StateStore(paths)
        try state.beat(checkpoint: nil, clock: ComplianceClock.Saved(newLogAt: now))
        state.close()
        // Last: with this file the directory is a log.
        try description.write(paths)
        return description
    }

    /// Makes a directory for a log, or takes one that is empty but for a signing key.
    ///
    /// `others`: paths that may be in it too.
    static func makeDirectories(
        _ paths: StorePaths,
        beside others: Set<String> = []
    ) throws(StoreError) {
        let names: [String]? = try onDisk { () throws(SystemError) in
            try FileSystem.exists(paths.root) ? try FileSystem.list(paths.root) : nil
        }
        let allowed = others.union([paths.signingKey])
        if let names, !names.allSatisfy({ allowed.contains("\(paths.root)/\($0)") }) {
            throw .invalid("\(paths.root) is not empty; name a directory that is, or a new one")
        }
        try onDisk { () throws(SystemError) in
            if names == nil { try FileSystem.makeDirectory(paths.root) }
            try FileSystem.makeDirectory(paths.segments)
        }
    }
}
