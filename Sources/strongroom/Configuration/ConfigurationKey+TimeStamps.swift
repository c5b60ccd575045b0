internal import Attestation
internal import YAMLReader

// Who stamps the log's checkpoints, and when.
extension ConfigurationKey {
    static let timestamps = [
        ConfigurationKey("timestamps.authorities") { (node, settings) throws(YAMLError) in
            var authorities: [TimeStampAuthoritySettings] = []
            for element in try node.sequence() {
                let authority = try TimeStampAuthoritySettings(element)
                guard !authorities.contains(where: { $0.name == authority.name }) else {
                    throw YAMLError(
                        element.position,
                        "there are two authorities of the name \(authority.name)"
                    )
                }
                authorities.append(authority)
            }
            settings.timestampAuthorities = authorities
        },
        ConfigurationKey("timestamps.everyHours") { (node, settings) throws(YAMLError) in
            settings.timestamps.everySeconds = try node.count(in: 1...8760) * 3600
        },
        ConfigurationKey("timestamps.renewBeforeDays") { (node, settings) throws(YAMLError) in
            settings.timestamps.renewBeforeDays = Int64(try node.int(in: 1...3650))
        },
    ]
}

/// One authority, before its certificates are read.
struct TimeStampAuthoritySettings: Equatable, Sendable {
    let name: String
    let url: String
    let caFile: String

    init(_ node: YAMLNode) throws(YAMLError) {
        var values: [String: String] = [:]
        for pair in try node.mapping() {
            guard ["name", "url", "caFile"].contains(pair.key) else {
                throw YAMLError(
                    pair.keyPosition,
                    "unknown key \"\(pair.key)\"; an authority has name, url and caFile"
                )
            }
            values[pair.key] = try pair.value.string()
        }
        guard let name = values["name"], let url = values["url"], let caFile = values["caFile"]
        else { throw YAMLError(node.position, "an authority needs name, url and caFile") }
        guard TimeStampAuthority.isName(name) else {
            throw YAMLError(node.position, "a name is 1 to 63 of a-z 0-9 . _ -, as a collection's")
        }
        guard url.hasPrefix("http://") || url.hasPrefix("https://") else {
            throw YAMLError(node.position, "url must begin with http:// or https://")
        }
        self.name = name
        self.url = url
        self.caFile = caFile
    }
}
