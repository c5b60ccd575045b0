/// Texts of other people, made harmless where they are shown.
///
/// What cannot be seen, or turns what is beside it around, is shown as `\u{202E}`; what means
/// something in HTML or Markdown is escaped. Names of evidence are chosen by whoever pushes it.
enum ShownText {
    /// Without characters that hide or turn others.
    static func visible(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isHidden) else { return text }
        var shown = ""
        for scalar in text.unicodeScalars {
            if isHidden(scalar) {
                shown += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
            } else {
                shown.unicodeScalars.append(scalar)
            }
        }
        return shown
    }

    private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: true
        default: false
        }
    }

    /// As the text of an HTML element, or an attribute's value in double quotes.
    static func html(_ text: String) -> String {
        var shown = ""
        for scalar in visible(text).unicodeScalars {
            switch scalar {
            case "&": shown += "&amp;"
            case "<": shown += "&lt;"
            case ">": shown += "&gt;"
            case "\"": shown += "&quot;"
            case "'": shown += "&#39;"
            default: shown.unicodeScalars.append(scalar)
            }
        }
        return shown
    }

    /// As plain text in a line or a cell of Markdown.
    ///
    /// References stand for what could begin code, a link, HTML or a cell; a backslash before all
    /// else that may mean something.
    ///
    /// Reference: CommonMark 0.31, "Backslash escapes", "Entity and numeric character references";
    /// GitHub Flavored Markdown, "Tables", "Autolinks (extension)".
    static func markdown(_ text: String) -> String {
        var shown = ""
        var before = ""
        for scalar in visible(text).unicodeScalars {
            switch scalar {
            case "\\", "|", "<", ">", "&", "`", "[", "]", ":", "@": shown += "&#\(scalar.value);"
            // `www.` begins a link.
            case "." where before.lowercased().hasSuffix("www"): shown += "&#46;"
            case "-", ".", "/", ",", "=": shown.unicodeScalars.append(scalar)
            case "!"..."/", ";"..."?", "^", "_", "{"..."~":
                shown += "\\"
                shown.unicodeScalars.append(scalar)
            default: shown.unicodeScalars.append(scalar)
            }
            before.unicodeScalars.append(scalar)
            if before.unicodeScalars.count > 3 { before.unicodeScalars.removeFirst() }
        }
        return shown
    }
}
