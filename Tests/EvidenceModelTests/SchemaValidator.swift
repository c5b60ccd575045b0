import EvidenceModel
import Foundation

/// Just enough of JSON Schema (draft 2020-12) for `Schemas/record.schema.json`; a keyword that it
/// does not know is a fault of its own, so that none is passed over.
final class SchemaValidator {
    private static let annotations: Set<String> = [
        "$defs", "$id", "$schema", "description", "examples", "title",
    ]

    private let root: JSONValue
    private var expressions: [String: NSRegularExpression] = [:]

    init(_ root: JSONValue) {
        self.root = root
    }

    /// What is wrong with a value; `nil` if the schema allows it.
    func fault(_ value: JSONValue) -> String? { fault(value, root) }

    private func fault(_ value: JSONValue, _ schema: JSONValue) -> String? {
        if case .bool(let isAllowed) = schema { return isAllowed ? nil : "nothing is allowed" }
        guard case .object(let object) = schema else { return "a schema that is none" }
        for (keyword, rule) in object.members where !Self.annotations.contains(keyword) {
            if let fault = fault(value, keyword, rule, object) { return "\(keyword): \(fault)" }
        }
        return nil
    }

    private func fault(
        _ value: JSONValue,
        _ keyword: String,
        _ rule: JSONValue,
        _ schema: JSONObject
    ) -> String? {
        switch (keyword, rule) {
        case ("$ref", .string(let path)): fault(value, definition(path))
        case ("oneOf", .array(let schemas)):
            schemas.count { fault(value, $0) == nil } == 1 ? nil : "not exactly one"
        case ("allOf", .array(let schemas)): schemas.lazy.compactMap { self.fault(value, $0) }.first
        case ("not", _): fault(value, rule) == nil ? "it must not be" : nil
        case ("const", _): value == rule ? nil : "another value"
        case ("enum", .array(let values)): values.contains(value) ? nil : "another value"
        case ("type", .string(let name)): type(of: value) == name ? nil : "not of type \(name)"
        case ("minimum", .integer(let limit)):
            integer(value).map { $0 < limit } == true ? "less" : nil
        case ("maximum", .integer(let limit)):
            integer(value).map { $0 > limit } == true ? "more" : nil
        case ("pattern", _), ("minLength", _), ("maxLength", _): faultOfText(value, keyword, rule)
        case ("items", _), ("minItems", _), ("maxItems", _), ("uniqueItems", _):
            faultOfArray(value, keyword, rule)
        default: faultOfObject(value, keyword, rule, schema)
        }
    }

    private func definition(_ path: String) -> JSONValue {
        let name = path.replacing("#/$defs/", with: "")
        guard case .object(let object) = root, case .object(let definitions)? = object["$defs"]
        else { return .null }
        return definitions[name] ?? .null
    }

    private func type(of value: JSONValue) -> String {
        switch value {
        case .object: "object"
        case .array: "array"
        case .string: "string"
        case .integer: "integer"
        case .bool: "boolean"
        case .null: "null"
        }
    }

    private func integer(_ value: JSONValue) -> Int64? {
        guard case .integer(let integer) = value else { return nil }
        return integer
    }

    private func faultOfText(
        _ value: JSONValue,
        _ keyword: String,
        _ rule: JSONValue
    ) -> String? {
        guard case .string(let text) = value else { return nil }
        switch (keyword, rule) {
        case ("pattern", .string(let pattern)):
            let range = NSRange(text.startIndex..., in: text)
            let found = expression(pattern)?.firstMatch(in: text, range: range)
            return found == nil ? "\(text) does not match \(pattern)" : nil
        case ("minLength", .integer(let limit)):
            return text.unicodeScalars.count < limit ? "too short" : nil
        case ("maxLength", .integer(let limit)):
            return text.unicodeScalars.count > limit ? "too long" : nil
        default: return "a rule that is none"
        }
    }

    private func expression(_ pattern: String) -> NSRegularExpression? {
        if let known = expressions[pattern] { return known }
        expressions[pattern] = try? NSRegularExpression(pattern: pattern)
        return expressions[pattern]
    }

    private func faultOfArray(
        _ value: JSONValue,
        _ keyword: String,
        _ rule: JSONValue
    ) -> String? {
        guard case .array(let values) = value else { return nil }
        switch (keyword, rule) {
        case ("items", _): return values.lazy.compactMap { self.fault($0, rule) }.first
        case ("minItems", .integer(let limit)): return values.count < limit ? "too few" : nil
        case ("maxItems", .integer(let limit)): return values.count > limit ? "too many" : nil
        case ("uniqueItems", .bool(true)):
            let texts = Set(values.map { CanonicalJSON.encode($0) })
            return texts.count == values.count ? nil : "one twice"
        default: return "a rule that is none"
        }
    }

    private func faultOfObject(
        _ value: JSONValue,
        _ keyword: String,
        _ rule: JSONValue,
        _ schema: JSONObject
    ) -> String? {
        guard case .object(let object) = value else { return nil }
        var properties = JSONObject()
        if case .object(let known)? = schema["properties"] { properties = known }
        switch (keyword, rule) {
        case ("properties", _):
            for (name, schema) in properties.members {
                guard let member = object[name] else { continue }
                if let fault = fault(member, schema) { return "\(name): \(fault)" }
            }
        case ("required", .array(let names)):
            for case .string(let name) in names where object[name] == nil { return name }
        case ("additionalProperties", _):
            for (name, member) in object.members where properties[name] == nil {
                if let fault = fault(member, rule) { return "\(name): \(fault)" }
            }
        case ("propertyNames", _):
            return object.members.lazy.compactMap { self.fault(.string($0.name), rule) }.first
        case ("minProperties", .integer(let limit)):
            return object.members.count < limit ? "too few" : nil
        case ("maxProperties", .integer(let limit)):
            return object.members.count > limit ? "too many" : nil
        default: return "a keyword that is not known here"
        }
        return nil
    }
}
