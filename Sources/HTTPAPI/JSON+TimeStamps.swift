import Attestation
import Cryptography
import EvidenceModel
import TransparencyLog

extension TimeStampFacts {
    /// As lists show it.
    var json: JSONObject {
        var object: JSONObject = [
            "authority": .string(key.authority), "certificateEnd": .time(ends),
            "digest": .string(digest.rawValue), "policy": .string(policy),
            "renewals": .integer(Int64(renewals)), "serial": .string(serial),
            "signer": .string(subject), "size": .integer(Int64(key.size.value)),
            "time": .time(milliseconds),
        ]
        if let accuracyMicroseconds {
            object["accuracyMicroseconds"] = .integer(Int64(clamping: accuracyMicroseconds))
        }
        if let renewedMilliseconds { object["renewed"] = .time(renewedMilliseconds) }
        return object
    }
}

extension DueTimeStamp {
    var json: JSONObject {
        var object = facts.json
        object["reason"] = .string(reason == .certificate ? "certificate" : "algorithm")
        return object
    }
}

extension JSONValue {
    /// Milliseconds since 1970; what lies outside of 1970 to 9999 is cut to that.
    fileprivate static func time(_ milliseconds: Int64) -> JSONValue {
        let instant =
            Timestamp(milliseconds: milliseconds) ?? (milliseconds < 0 ? .earliest : .latest)
        return .string(instant.rfc3339)
    }
}
