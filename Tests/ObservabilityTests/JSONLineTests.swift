import Testing

@testable import Observability

@Suite struct JSONLineTests {
    @Test func membersKeepTheirOrder() {
        var line = JSONLine()
        line.add("z", "text")
        line.add("a", Int64(-3))
        line.add("big", UInt64.max)
        line.add("d", 0.5)
        line.add("whole", 2.0)
        line.add("nothing", Double.nan)
        line.add("yes", true)
        line.add("list", ["a", "b"])
        line.add("object", [(name: "k", value: "v")])
        #expect(
            line.text == """
                {"z":"text","a":-3,"big":18446744073709551615,"d":0.5,"whole":2.0,"nothing":null,\
                "yes":true,"list":["a","b"],"object":{"k":"v"}}
                """
        )
    }

    @Test func textIsEscapedOntoOneLine() {
        #expect(JSONLine.string("a\"\\\n\r\t") == #""a\"\\\n\r\t""#)
        #expect(
            JSONLine.string("\u{0}\u{1b}[31m\u{7f}\u{85}\u{2028}")
                == #""\u0000\u001b[31m\u007f\u0085\u2028""#
        )
        #expect(JSONLine.string("é🔒") == "\"é🔒\"")
    }

    @Test func emptyObject() {
        #expect(JSONLine().text == "{}")
    }
}
