import Testing

@testable import XMLReader

private func parsed(_ text: String) throws(XMLError) -> XMLElement {
    let bytes = Array(text.utf8)
    return try XMLElement(parsing: bytes.span)
}

private func reason(_ bytes: [UInt8]) -> XMLError.Reason? {
    do throws(XMLError) {
        _ = try XMLElement(parsing: bytes.span)
        return nil
    } catch {
        return error.reason
    }
}

private func reason(_ text: String) -> XMLError.Reason? { reason(Array(text.utf8)) }

@Suite struct XMLReaderTests {
    @Test func readsElementsAndText() throws {
        let root = try parsed(
            """
            <?xml version="1.0" encoding="UTF-8"?>
            <ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
              <Name a="b">bucket</Name><!-- no --><?target data?>
              <Version><Key>a &amp; b&#10;&lt;<![CDATA[<c>]]></Key><Size>1</Size></Version>
              <Version><Key>é🔒</Key></Version>
              <Empty/>
            </ListVersionsResult>
            """
        )
        #expect(root.name == "ListVersionsResult")
        #expect(root.text("Name") == "bucket")
        #expect(root.all("Version").map { $0.text("Key") } == ["a & b\n<<c>", "é🔒"])
        #expect(root["Version"]?.text("Size") == "1")
        #expect(root.text("Empty")?.isEmpty == true)
        #expect(root["Absent"] == nil)
        #expect(root.children.count == 4)
    }

    @Test func namesAreWithoutTheirNamespace() throws {
        let root = try parsed("<s3:A xmlns:s3='urn:s3'><B xmlns='urn:b'/><s3:C/></s3:A>")
        #expect(root.name == "A")
        #expect(root.children.map(\.name) == ["B", "C"])
    }

    @Test(arguments: [
        "", " ", "a", "<a>", "<a></b>", "<a/><b/>", "<a/>x", "<a b=c/>", "<a>&unknown;</a>",
        "<a>\u{1}</a>", "<a>&#1;</a>", "<s3:a/>", "<a>]]></a>", "{}", "<a/>\0",
    ])
    func refusesWhatIsNotWellFormed(text: String) {
        guard case .malformed = reason(text) else {
            Issue.record("read \(text)")
            return
        }
    }

    @Test func refusesOtherEncodings() {
        guard case .malformed = reason([UInt8]("<a>".utf8) + [0xff] + [UInt8]("</a>".utf8)) else {
            Issue.record("read what is not UTF-8")
            return
        }
        let latin = [UInt8]("<?xml version='1.0' encoding='ISO-8859-1'?><a>".utf8) + [0xe9]
        guard case .malformed = reason(latin + [UInt8]("</a>".utf8)) else {
            Issue.record("believed the declared encoding")
            return
        }
    }

    @Test(arguments: [
        "<!DOCTYPE a><a/>",
        "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
        "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
        "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>",
    ])
    func readsNoDocumentType(text: String) {
        #expect(reason(text) == .documentType)
    }

    @Test func depthIsBounded() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "<a>", count: depth) + String(repeating: "</a>", count: depth)
        }
        #expect(reason(nested(XMLElement.maximumDepth)) == nil)
        #expect(reason(nested(XMLElement.maximumDepth + 1)) == .tooDeep)
    }

    @Test func elementsAreCounted() {
        let many = String(repeating: "<b/>", count: XMLElement.maximumCount - 1)
        #expect(reason("<a>\(many)</a>") == nil)
        #expect(reason("<a>\(many)<b/></a>") == .tooManyElements)
    }

    @Test func errorsNameTheLine() {
        #expect(throws: XMLError(reason: .malformed("mismatched tag"), line: 3)) {
            try parsed("<a>\n<b>\n</a>")
        }
    }

    /// Every prefix of a document is refused, and none is a trap.
    @Test func aTruncatedDocumentIsRefused() {
        let bytes = Array("<a><b>x&amp;</b><c><![CDATA[y]]></c></a>".utf8)
        for count in 0..<bytes.count {
            #expect(reason(Array(bytes[..<count])) != nil, "\(count) bytes")
        }
    }
}
