internal import EvidenceModel

/// Which records an act is about: those that are named, or those that a selection finds.
enum RecordChoice: Equatable, Sendable {
    case records([UInt64])
    /// The request's `selection`.
    case selection(JSONObject)
    /// Neither was given.
    case none

    /// Collection, name prefix and labels.
    static let options: [OptionSpecification] = [
        .value("collection", "C", "instead of INDEX: records of this collection"),
        .value("prefix", "P", "of these, names that begin so"),
        .repeated("label", "K=V", "of these, with this label"),
    ]

    /// Reads operands that are indexes, and the options of a selection.
    ///
    /// - Throws: exit code `usage` where both are given, or parts without a collection.
    init(
        _ operands: some Collection<String>,
        _ arguments: ParsedArguments
    ) throws(CommandFailure) {
        guard let collection = arguments.value("collection") else {
            for name in ["prefix", "label"] where !arguments.all(name).isEmpty {
                throw .usage("--\(name) narrows a collection", advice: "add --collection")
            }
            let indexes = try ParsedArguments.recordIndexes(operands)
            self = indexes.isEmpty ? .none : .records(indexes)
            return
        }
        guard operands.isEmpty else {
            throw .usage(
                "records are named by INDEX or found by --collection, and both are given",
                advice: "give one of them"
            )
        }
        self = .selection(try Self.selection(collection, arguments))
    }

    private static func selection(
        _ collection: String,
        _ arguments: ParsedArguments
    ) throws(CommandFailure) -> JSONObject {
        do throws(LimitViolation) {
            var selection: JSONObject = [
                "collection": .string(try CollectionName(collection).text)
            ]
            if let prefix = arguments.value("prefix") { selection["prefix"] = .string(prefix) }
            let labels = try Labels(userInput: arguments.all("label"))
            if !labels.isEmpty {
                var object = JSONObject()
                for label in labels.sorted { object[label.key] = .string(label.value) }
                selection["labels"] = .object(object)
            }
            return selection
        } catch {
            throw .usage("\(error)")
        }
    }

    /// How many indexes one request names: their digits stay far below the limit of a body.
    private static let requestLimit = 10_000

    /// What goes into each request, `records` or `selection`; one empty part where nothing is
    /// chosen.
    var parts: [JSONObject] {
        switch self {
        case .none: return [JSONObject()]
        case .selection(let selection): return [["selection": .object(selection)]]
        case .records(let indexes):
            return stride(from: 0, to: indexes.count, by: Self.requestLimit).map { start in
                let part = indexes[start..<min(start + Self.requestLimit, indexes.count)]
                return ["records": .indexes(part)]
            }
        }
    }
}
