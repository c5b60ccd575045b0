internal import Observability

/// `strongroom version`.
enum VersionCommand {
    static let version = "0.1.0"

    static let command = Command(
        specification: CommandSpecification(
            name: "version",
            group: .tools,
            summary: "print the version",
            operands: [],
            options: [.json],
            about: ["Prints the version of this program."],
            example: "strongroom version"
        )
    ) { (arguments, console) throws(CommandFailure) in
        if arguments.flag("json") {
            var line = JSONLine()
            line.add("version", version)
            console.result(line.text)
        } else {
            console.result("strongroom \(version)")
        }
        return .done
    }
}
