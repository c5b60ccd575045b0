internal import EvidenceModel
internal import EvidenceStore
internal import Platform
internal import YAMLReader

/// Reads the server's configuration file.
///
/// Strict: a key that is not known, a second one of the same name, a value of another kind are
/// errors with the file's name and line. A typing error must not leave a limit at its default in
/// silence.
enum ConfigurationFile {
    /// Reads a file.
    static func read(_ path: String) throws(CommandFailure) -> ServeSettings {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try FileSystem.contents(path)
        } catch {
            throw CommandFailure(error)
        }
        do throws(YAMLError) {
            return try parse(bytes)
        } catch {
            throw .usage(
                "\(path): \(error)",
                advice: "ops/strongroom.example.yaml explains every key"
            )
        }
    }

    /// Reads the text of a file.
    static func parse(_ text: [UInt8]) throws(YAMLError) -> ServeSettings {
        let root = try YAML.parse(text.span)
        var settings = ServeSettings()
        guard !root.isNull else { return settings }
        try take(root, below: "", into: &settings)
        do throws(LimitViolation) {
            settings.store.retention = try settings.retention.policy()
        } catch {
            throw YAMLError((root["retention"] ?? root).position, "\(error)")
        }
        return settings
    }

    private static func take(
        _ node: YAMLNode,
        below prefix: String,
        into settings: inout ServeSettings
    ) throws(YAMLError) {
        for pair in try node.mapping() {
            let path = prefix + pair.key
            if let key = ConfigurationKey.all.first(where: { $0.path == path }) {
                // A key without a value says nothing: the default stays.
                if !pair.value.isNull { try key.take(pair.value, &settings) }
            } else if ConfigurationKey.all.contains(where: { $0.path.hasPrefix(path + ".") }) {
                if !pair.value.isNull {
                    try take(pair.value, below: path + ".", into: &settings)
                }
            } else {
                throw YAMLError(pair.keyPosition, unknown(pair.key, path: path))
            }
        }
    }

    private static func unknown(_ key: String, path: String) -> String {
        // Whoever looks for it here must not end with a collection that is open in silence.
        guard path != "collections" else {
            return "unknown key \"collections\"; a collection is sealed by its policy: "
                + "'strongroom policy set C … --sealed'"
        }
        let known = ConfigurationKey.all.map(\.path)
        let groups = known.compactMap { $0.split(separator: ".").first.map(String.init) }
        let nearest = EditDistance.nearest(to: path, among: known + groups)
        return "unknown key \"\(key)\"" + (nearest.map { "; did you mean \($0)?" } ?? "")
    }
}
