internal import Attestation
internal import YAMLReader

extension ConfigurationKey {
    /// Who confirms the log from outside.
    static let witnesses = [
        ConfigurationKey("witnesses.policyFile") { (node, settings) throws(YAMLError) in
            settings.witnessPolicyFile = try node.string()
        },
        ConfigurationKey("witnesses.everySeconds") { (node, settings) throws(YAMLError) in
            settings.witnesses.everySeconds = try node.count(in: 1...86_400)
        },
        ConfigurationKey("witnesses.freshSeconds") { (node, settings) throws(YAMLError) in
            settings.witnesses.freshSeconds = try node.count(in: 1...604_800)
        },
        ConfigurationKey("witnesses.timeoutSeconds") { (node, settings) throws(YAMLError) in
            settings.witnesses.timeoutSeconds = try node.count(in: 1...60)
        },
    ]
}
