/// Text that appears in no log and no message, however it is printed.
package struct Secret: Sendable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    /// The text itself; for the wire and nothing else.
    package let revealed: String

    package init(_ text: String) {
        revealed = text
    }

    package var description: String { "(secret)" }
    package var debugDescription: String { "(secret)" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// Who signs.
package struct SigningCredentials: Sendable, CustomStringConvertible,
    CustomDebugStringConvertible, CustomReflectable
{
    /// Stands in every request; not secret.
    package let accessKeyID: String
    package let secretAccessKey: Secret
    /// Of temporary credentials.
    package let sessionToken: Secret?

    /// `nil` if a text is empty or holds what is not printable ASCII, or the key id a blank, a
    /// slash or a comma, which delimit it in requests.
    package init?(accessKeyID: String, secretAccessKey: String, sessionToken: String? = nil) {
        let delimiters = " /,".utf8
        guard isPrintable(accessKeyID), !accessKeyID.utf8.contains(where: delimiters.contains),
            isPrintable(secretAccessKey), sessionToken.map(isPrintable) ?? true
        else { return nil }
        self.accessKeyID = accessKeyID
        self.secretAccessKey = Secret(secretAccessKey)
        self.sessionToken = sessionToken.map(Secret.init)
    }

    package var description: String { "credentials \(accessKeyID)" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// Not empty, and of nothing but printable ASCII and blanks.
func isPrintable(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7f }
}
