import Foundation
import HTTPMessage
import Testing
import YAMLReader

/// What `Schemas/openapi.yaml` says of each operation.
struct OpenAPI {
    struct Operation: Sendable, CustomStringConvertible {
        let id: String
        let method: HTTPMethod
        /// With its parameters in braces.
        let path: String
        /// `x-strongroom-permission`; nil: the operation has no rule.
        let permission: String?
        /// `x-strongroom-scope`.
        let scope: String?
        /// Whether `security: []` says that no token is needed.
        let isOpen: Bool
        /// Whether it takes a JSON body.
        let takesJSON: Bool
        /// Whether it cannot do without the body.
        let requiresBody: Bool
        /// The statuses that it documents.
        let statuses: Set<Int>

        var description: String { "\(method) \(path)" }
    }

    static let operations: [Operation] = {
        do {
            return try read()
        } catch {
            Issue.record("Schemas/openapi.yaml: \(error)")
            return []
        }
    }()

    static func operation(_ id: String) throws -> Operation {
        try #require(operations.first { $0.id == id }, "no operation \(id)")
    }

    private static func read() throws -> [Operation] {
        let root = URL(filePath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let bytes = [UInt8](
            try Data(contentsOf: root.appending(path: "Schemas/openapi.yaml"))
        )
        let document = try YAML.parse(bytes.span)
        var operations: [Operation] = []
        for path in try document["paths"]?.mapping() ?? [] {
            for entry in try path.value.mapping() where entry.key != "parameters" {
                operations.append(try operation(path.key, entry))
            }
        }
        return operations
    }

    private static func operation(
        _ path: String,
        _ entry: YAMLNode.Pair
    ) throws -> Operation {
        let node = entry.value
        let content = node["requestBody"]?["content"]
        return Operation(
            id: try node["operationId"]?.string() ?? "",
            method: HTTPMethod(entry.key.uppercased()),
            path: path,
            permission: try node["x-strongroom-permission"]?.string(),
            scope: try node["x-strongroom-scope"]?.string(),
            isOpen: try node["security"]?.sequence().isEmpty ?? false,
            takesJSON: content?["application/json"] != nil,
            requiresBody: try node["requestBody"]?["required"]?.bool() ?? false,
            statuses: Set(try node["responses"]?.mapping().compactMap { Int($0.key) } ?? [])
        )
    }
}
