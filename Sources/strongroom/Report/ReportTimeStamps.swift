internal import Cryptography
internal import EvidenceModel
internal import TransparencyLog

/// What time-stamps say of the log's checkpoints, as the server lists them; each that is named here
/// was fetched and compared with the tree that was read.
struct ReportTimeStamps: Equatable {
    /// One time-stamp of a checkpoint.
    struct Stamp: Equatable {
        /// Of the tree that it covers.
        let size: TreeSize
        /// When that existed, as the authority says; as the list says where ``note`` is empty.
        var time: String
        /// The same, once the token was read.
        var milliseconds: Int64?
        /// The stamped checkpoint, and the evidence record (RFC 4998, DER) over its text.
        var note = ""
        var record: [UInt8] = []
        var standing = Standing.listed
    }

    enum Standing: Equatable {
        /// It covers its checkpoint, which is one of the log; by whom nobody has checked.
        case listed
        /// Also its signatures lead to a certificate that was given; who signed the newest.
        case verified(String)
        /// They lead to none that was given, or not any more, or it was not served.
        case unaccepted(String)
        /// It covers something else, or is forged.
        case wrong(String)
    }

    /// What one authority has stamped.
    struct Authority: Equatable {
        let name: String
        /// How many trees that end within the period's records.
        var count: UInt64 = 0
        /// The first that covers the whole period; else its newest.
        var deciding: Stamp
        /// The one of the largest tree, if it is another.
        var newest: Stamp?

        var stamps: [Stamp] { [deciding] + [newest].compactMap { $0 } }
    }

    /// Why the server's list says nothing; nil if it was read.
    var unread: String?
    /// Whether certificates were given, so that anything can be verified.
    var isAsked = false
    var authorities: [Authority] = []
    /// Time-stamps of further authorities, which were not looked at.
    var leftOut: UInt64 = 0
    /// When this was asked, by this machine's clock.
    var asked = Timestamp.earliest

    /// The most authorities that are looked at.
    static let maximumAuthorityCount = 32
}

extension ReportTimeStamps {
    /// Takes one of the list, newest first; `records` are those of the period.
    mutating func take(
        authority name: String,
        size: TreeSize,
        time: String,
        records: ClosedRange<UInt64>
    ) {
        let stamp = Stamp(size: size, time: time)
        guard let place = authorities.firstIndex(where: { $0.name == name }) else {
            guard authorities.count < Self.maximumAuthorityCount else {
                leftOut += 1
                return
            }
            authorities.append(Authority(name: name, deciding: stamp))
            return count(size, records, at: authorities.count - 1)
        }
        if size.value > records.upperBound {
            let newest = authorities[place].newest ?? authorities[place].deciding
            authorities[place].newest = newest
            authorities[place].deciding = stamp
        }
        count(size, records, at: place)
    }

    private mutating func count(_ size: TreeSize, _ records: ClosedRange<UInt64>, at place: Int) {
        guard let last = size.value.checkedPredecessor, records.contains(last) else { return }
        authorities[place].count += 1
    }
}

extension ReportTimeStamps.Stamp {
    /// The records of the period that the tree has.
    func covered(of records: ClosedRange<UInt64>) -> ClosedRange<UInt64>? {
        guard let last = size.value.checkedPredecessor, last >= records.lowerBound else {
            return nil
        }
        return records.lowerBound...min(last, records.upperBound)
    }
}

extension UInt64 {
    /// One less; nil for 0.
    fileprivate var checkedPredecessor: UInt64? { self > 0 ? self - 1 : nil }
}
