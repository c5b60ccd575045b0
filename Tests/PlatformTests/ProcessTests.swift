import Testing

@testable import Platform

@Suite struct ProcessTests {
    @Test func aChildsErrorsAndEndAreSeen() throws {
        let child = try ChildProcess(
            executable: "/bin/sh",
            arguments: ["-c", "echo ready >&2; read line; exit 3"]
        )
        var said: [UInt8] = []
        while true {
            let bytes = try child.readStandardError()
            if bytes.isEmpty { break }
            said += bytes
        }
        #expect(String(decoding: said, as: UTF8.self) == "ready\n")
        #expect(try child.wait() == .exited(3))
    }

    @Test func aChildCanBeEndedBySignal() throws {
        let child = try ChildProcess(executable: "/bin/sh", arguments: ["-c", "exec sleep 60"])
        child.terminate()
        #expect(try child.wait() == .killed(signal: 15))
    }

    @Test func aMissingProgramIsAnError() {
        #expect(throws: SystemError.self) {
            _ = try ChildProcess(executable: "/nonexistent/program", arguments: [])
        }
    }

    @Test func nobodyListensOnAClosedPort() {
        // Port 1 (tcpmux) is not served on any machine that runs these tests.
        #expect(throws: SystemError.self) { _ = try StreamSocket(host: "127.0.0.1", port: 1) }
    }
}
