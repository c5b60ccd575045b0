import Testing

@testable import HTTPMessage

@Suite struct HTTPFieldsTests {
    private func add(_ name: String, _ value: [UInt8], to fields: inout HTTPFields) -> Bool {
        let name = Array(name.utf8)
        return fields.append(name: name.span, value: value.span)
    }

    private func add(_ name: String, _ value: String, to fields: inout HTTPFields) -> Bool {
        add(name, Array(value.utf8), to: &fields)
    }

    @Test func namesAreFoundWhateverTheirCase() {
        var fields = HTTPFields()
        #expect(add("Content-Type", "a/b", to: &fields))
        #expect(add("X-Two", "1", to: &fields))
        #expect(add("x-tWO", "2", to: &fields))
        #expect(fields.first("content-type") == "a/b")
        #expect(fields.first("content-typ") == nil)
        #expect(fields.all("x-two") == ["1", "2"])
        #expect(fields.count(of: "x-two") == 2)
        #expect(fields.count == 3)
        #expect(fields.pairs.map(\.name) == ["Content-Type", "X-Two", "x-tWO"])
        #expect(fields.withFirst("x-two") { $0.count } == 1)
        #expect(fields.withFirst("absent") { $0.count } == nil)
    }

    @Test func blanksAroundAValueGo() {
        var fields = HTTPFields()
        #expect(add("A", " \t b c\t ", to: &fields))
        #expect(add("B", "  ", to: &fields))
        #expect(fields.first("a") == "b c")
        #expect(fields.first("b")?.isEmpty == true)
    }

    @Test(arguments: ["", "a b", "a:", "a\u{0}", "é", "a(", "a\t", "\"a\""])
    func namesMustBeTokens(_ name: String) {
        var fields = HTTPFields()
        #expect(!add(name, "v", to: &fields))
        #expect(fields.count == 0)
    }

    @Test func valuesMustNotHoldControlCharacters() {
        for byte in UInt8.min...UInt8.max {
            var fields = HTTPFields()
            let isAllowed = byte == 0x09 || (byte >= 0x20 && byte != 0x7f)
            #expect(add("a", [0x61, byte, 0x62], to: &fields) == isAllowed, "\(byte)")
            #expect(fields.count == (isAllowed ? 1 : 0))
        }
    }

    @Test func dataOfAReplyCannotStartAnotherField() {
        let fields = HTTPFields(["Content-Type": "a\r\nSet-Cookie: b\u{0}c"])
        #expect(fields.pairs.map(\.value) == ["a  Set-Cookie: b c"])
    }

    @Test func replyFieldsAreCStrings() {
        var fields = HTTPFields(["A": "1", "Empty": ""])
        let value = Array("22".utf8)
        fields.append("B", value.span)
        var seen: [String] = []
        unsafe fields.forEachCString { name, value in
            unsafe seen.append(String(cString: name) + "=" + String(cString: value))
        }
        #expect(seen == ["A=1", "Empty=", "B=22"])
    }

    @Test func bytesThatAreNotUTF8AreReplaced() {
        var fields = HTTPFields()
        #expect(add("a", [0xff, 0x61], to: &fields))
        #expect(fields.first("a") == "\u{fffd}a")
    }
}

@Suite struct HTTPMethodTests {
    @Test(arguments: ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "get", "PATCH"])
    func namesSurvive(_ name: String) {
        #expect(HTTPMethod(name).name == name)
        #expect("\(HTTPMethod(name))" == name)
    }

    @Test func caseMatters() {
        #expect(HTTPMethod("GET") == .get)
        #expect(HTTPMethod("get") == .other("get"))
    }

    @Test func tokens() {
        #expect(HTTPMethod.isToken("M-SEARCH"))
        #expect(!HTTPMethod.isToken(""))
        #expect(!HTTPMethod.isToken("G{T"))
        #expect(!HTTPMethod.isToken("G T"))
    }
}
