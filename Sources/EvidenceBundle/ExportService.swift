package import EvidenceModel
package import EvidenceStore
import Platform
import TransparencyLog

/// Hands out evidence as bundles: selects, writes that down in the log, puts the bundle together.
///
/// What is put together lies in `exports/<index>` and holds no payload; it is kept for a week.
/// Everything in `exports` may be deleted at any time.
package final class ExportService: Sendable {
    private let store: EvidenceStore
    private let software: String
    private let attesters: [any CheckpointAttesting]
    private let directory: String
    private let bundles = Mutex<[RecordIndex: Bundle]>([:])

    /// How long a bundle can be fetched.
    package static let keptSeconds: Int64 = 7 * 86_400

    /// How long each of the attesters may take for an export's checkpoint.
    package static let attestationSeconds: UInt64 = 10

    /// Hands out evidence of a log.
    ///
    /// `software`: name and version of the program. `attesters`: asked one after the other.
    package init(
        store: EvidenceStore,
        software: String,
        attesters: [any CheckpointAttesting] = []
    ) {
        self.store = store
        self.software = software
        self.attesters = attesters
        directory = store.paths.exports
    }

    /// Selects evidence, writes `access.exported`, and puts the bundle together.
    ///
    /// Takes as long as it takes: some 80 s for a million records.
    ///
    /// - Throws: `notFound` if nothing is meant; `refused`, `storageFull`; `unavailable` if holds
    ///   of the matter changed meanwhile.
    package func export(
        _ selection: ExportSelection,
        by principal: Principal,
        reason: Reason?
    ) throws(StoreError) -> Bundle {
        try removeOld()
        let matches = try store.matches(selection)
        guard !matches.indexes.isEmpty else { throw .notFound("no evidence is meant by that") }
        let outcome = try store.propose(
            .export(
                EvidenceExport(
                    selection: selection,
                    before: matches.before,
                    count: matches.count,
                    digest: matches.digest,
                    verifier: BundleVerifier.digest
                )
            ),
            by: principal,
            reason: reason
        )
        guard let index = outcome.acts.first?.index else {
            throw .unavailable("the log took the export and wrote nothing")
        }
        try write(index, matches.indexes)
        return try bundle(index)
    }

    /// A bundle that was put together.
    ///
    /// - Throws: `notFound` if there is none, or none any more.
    package func bundle(_ index: RecordIndex) throws(StoreError) -> Bundle {
        let path = path(of: index)
        let found = try onDisk { () throws(SystemError) in
            try FileSystem.information("\(path)/\(BundleFiles.head)")
        }
        guard let found, found.modifiedNanoseconds >= Self.oldest() else {
            bundles.withLock { $0[index] = nil }
            throw .notFound(
                "there is no bundle \(index): it is kept for a week, and until something in it is "
                    + "erased; export again to have it anew"
            )
        }
        if let bundle = bundles.withLock({ $0[index] }) { return bundle }
        let bundle = try Bundle(store, directory: path, export: index)
        bundles.withLock { $0[index] = bundle }
        return bundle
    }

    private func path(of index: RecordIndex) -> String { "\(directory)/\(index)" }

    private func write(_ index: RecordIndex, _ selected: IndexRanges) throws(StoreError) {
        let temporary = "\(directory)/\(index)\(ExportedBundles.unfinished)"
        try onDisk { () throws(SystemError) in
            try FileSystem.makeDirectoryIfAbsent(directory)
            try FileSystem.makeDirectory(temporary)
        }
        do throws(StoreError) {
            var writer = try BundleWriter(
                store,
                directory: temporary,
                export: index,
                selected: selected,
                software: software,
                attesters: attesters
            )
            try writer.write()
            try onDisk { () throws(SystemError) in
                try FileSystem.syncDirectory(temporary)
                try FileSystem.rename(temporary, to: path(of: index))
                try FileSystem.syncDirectory(directory)
            }
        } catch {
            let isThere = try onDisk { () throws(SystemError) in try FileSystem.exists(temporary) }
            // An erasure removes what it finds half made.
            guard isThere else {
                throw .unavailable("evidence was erased meanwhile; export again")
            }
            try onDisk { () throws(SystemError) in try FileSystem.removeTree(temporary) }
            throw error
        }
    }

    /// When the oldest bundle that is kept was made, in nanoseconds since 1970.
    private static func oldest() -> Int64 {
        (Clock.wallMilliseconds() / 1000 - keptSeconds) * 1_000_000_000
    }

    /// Removes bundles that are older than a week, and what a crash left.
    private func removeOld() throws(StoreError) {
        let limit = Self.oldest()
        let directory = directory
        try onDisk { () throws(SystemError) in
            guard try FileSystem.exists(directory) else { return }
            for name in try FileSystem.list(directory) {
                let path = "\(directory)/\(name)"
                guard let found = try FileSystem.information(path),
                    found.modifiedNanoseconds < limit
                else { continue }
                try FileSystem.removeTree(path)
            }
        }
        let there = try onDisk { () throws(SystemError) in
            try FileSystem.exists(directory) ? try FileSystem.list(directory) : []
        }
        bundles.withLock { bundles in
            bundles = bundles.filter { there.contains("\($0.key)") }
        }
    }
}

/// Runs file system calls and gives their failure as a `StoreError`.
func onDisk<Result>(
    _ body: () throws(SystemError) -> Result
) throws(StoreError) -> Result {
    do throws(SystemError) { return try body() } catch { throw .system(error) }
}
