internal import EvidenceModel

/// A time that a person asks for, as it is sent to the server.
enum RequestedTime {
    /// The instant in the form of the interfaces if it is one, else the text as it was typed.
    ///
    /// Whether a time can be granted is the server's to judge, and so is a text that names none: it
    /// answers with the rule and the current state, which this side does not know.
    static func text(_ typed: String) -> String {
        (try? Timestamp(userInput: typed))?.rfc3339 ?? typed
    }
}
