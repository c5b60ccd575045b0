internal import Attestation
internal import Cryptography
internal import EvidenceModel
internal import EvidenceStore
internal import Observability
internal import Platform
internal import TransparencyLog

/// The time-stamping authorities of a server.
enum TimeStamps {
    /// Reads their certificates, and opens what they have stamped.
    static func open(
        _ store: EvidenceStore,
        _ settings: ServeSettings,
        _ log: EventLog
    ) throws(CommandFailure) -> TimeStampService {
        var configuration = settings.timestamps
        for authority in settings.timestampAuthorities {
            configuration.authorities.append(
                TimeStampAuthority(
                    name: authority.name,
                    url: authority.url,
                    anchors: try anchors(authority.caFile)
                )
            )
        }
        do throws(StoreError) {
            return try TimeStampService(
                log: store,
                configuration: configuration,
                transport: CurlAttestationTransport(),
                report: { log.record($0.level, $0.name, $0.fields) }
            )
        } catch { throw CommandFailure(error) }
    }

    /// The certificates of the files in `--authority-ca`; nil if none is named.
    static func anchors(_ arguments: ParsedArguments) throws(CommandFailure) -> TimeStampAnchors? {
        var all: [TimeStampAnchors] = []
        for file in arguments.all("authority-ca") { all.append(try anchors(file)) }
        return all.isEmpty ? nil : TimeStampAnchors(all)
    }

    /// The certificates of a PEM file.
    static func anchors(_ path: String) throws(CommandFailure) -> TimeStampAnchors {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try FileSystem.contents(path)
        } catch { throw CommandFailure(error) }
        do throws(TimeStampError) {
            return try TimeStampAnchors(pem: bytes)
        } catch { throw .usage("\(path): \(error)") }
    }
}

// How the server's log tells of time-stamps.
extension TimeStampEvent {
    var level: EventLog.Level {
        switch self {
        case .stamped, .renewed: .info
        case .failed, .renewalFailed: .warning
        case .damaged: .error
        }
    }

    var name: StaticString {
        switch self {
        case .stamped: "timestamp.stored"
        case .failed: "timestamp.failed"
        case .renewed: "timestamp.renewed"
        case .renewalFailed: "timestamp.renewal-failed"
        case .damaged: "timestamp.damaged"
        }
    }

    var fields: [EventLog.Field] {
        switch self {
        case .stamped(let facts):
            [
                .text("authority", facts.key.authority), .number("treeSize", facts.key.size.value),
                .text("time", Self.time(facts.milliseconds)),
                .text("certificateEnd", Self.time(facts.ends)),
            ]
        case .failed(let authority, let failure):
            [
                .text("authority", authority), .text("cause", failure.word),
                .text("reason", failure.description),
            ]
        case .renewed(let authority, let count, let digest, let ends):
            [
                .text("authority", authority), .number("timestamps", count),
                .text("digest", digest.rawValue), .text("certificateEnd", Self.time(ends)),
            ]
        case .renewalFailed(let authority, let count, let failure):
            [
                .text("authority", authority), .number("timestamps", count),
                .text("cause", failure.word), .text("reason", failure.description),
            ]
        case .damaged(let key, let detail):
            [
                .text("authority", key.authority), .number("treeSize", key.size.value),
                .text("reason", detail),
            ]
        }
    }

    private static func time(_ milliseconds: Int64) -> String {
        Timestamp(milliseconds: milliseconds)?.rfc3339 ?? "\(milliseconds)"
    }
}
