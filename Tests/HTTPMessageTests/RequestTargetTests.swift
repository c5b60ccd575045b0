import Testing

@testable import HTTPMessage

@Suite struct RequestTargetTests {
    private func parse(_ text: String) throws(RequestTargetError) -> RequestTarget {
        try RequestTarget(parsing: text)
    }

    private func parse(bytes: [UInt8]) throws(RequestTargetError) -> RequestTarget {
        try RequestTarget(parsing: bytes.span)
    }

    @Test func pathAndQueryAreDecodedOnce() throws {
        let target = try parse("/v1/a%2Fb/%C3%BC?name=x%2Fy&label=k%3Dv=1&empty=&bare")
        #expect(target.rawPath == "/v1/a%2Fb/%C3%BC")
        #expect(target.pathSegments == ["v1", "a/b", "ü"])
        #expect(
            target.query == [
                .init(name: "name", value: "x/y"), .init(name: "label", value: "k=v=1"),
                .init(name: "empty", value: ""), .init(name: "bare", value: ""),
            ]
        )
        #expect(try parse("/?a=%2541").query == [.init(name: "a", value: "%41")])
    }

    @Test func plusIsASpaceInTheQueryOnly() throws {
        let target = try parse("/a+b?c+d=e+f%2B")
        #expect(target.pathSegments == ["a+b"])
        #expect(target.query == [.init(name: "c d", value: "e f+")])
    }

    @Test func slashesMakePartsEvenEmptyOnes() throws {
        #expect(try parse("/").pathSegments == [""])
        #expect(try parse("/a/").pathSegments == ["a", ""])
        #expect(try parse("//a").pathSegments == ["", "a"])
        #expect(try parse("/a?").pathSegments == ["a"])
        #expect(try parse("/a?").rawPath == "/a")
        #expect(try parse("/a?&&b=1&").query == [.init(name: "b", value: "1")])
        #expect(try parse("/a?x=/?/").query == [.init(name: "x", value: "/?/")])
    }

    @Test func absoluteFormLosesSchemeAndHost() throws {
        #expect(try parse("http://host:80/a/b?c=d").pathSegments == ["a", "b"])
        #expect(try parse("HTTPS://host/a").rawPath == "/a")
    }

    @Test(arguments: [
        "", "*", "a/b", "host:443", "http://", "http:///a", "http://host", "ftp://h/",
    ])
    func otherFormsAreRefused(_ text: String) {
        #expect(throws: RequestTargetError.form) { try parse(text) }
    }

    @Test(arguments: [
        "/a b", "/a\"", "/a<", "/a\\", "/a^", "/a`", "/a{", "/a|", "/a#b", "/a?b#c",
        "/a?b[0]", "/\u{7f}", "/\u{0}", "/\n",
    ])
    func bytesThatMustBeEncodedAreRefused(_ text: String) {
        #expect {
            try parse(text)
        } throws: { error in
            if case RequestTargetError.byte = error { true } else { false }
        }
    }

    @Test func bareUTF8IsRefusedWithItsFirstByte() {
        #expect(throws: RequestTargetError.byte(0xc3)) { try parse("/ü") }
    }

    @Test(arguments: ["/%", "/%4", "/%zz", "/a?b=%", "/a?b=%4", "/a?%g0=1", "/a?b=%4&c=1"])
    func brokenPercentEncodingIsRefused(_ text: String) {
        #expect(throws: RequestTargetError.percentEncoding) { try parse(text) }
    }

    @Test(arguments: ["/%ff", "/%c0%af", "/%ed%a0%80", "/a?b=%e2%82", "/a?%80=1"])
    func encodedBytesMustBeUTF8(_ text: String) {
        #expect(throws: RequestTargetError.encoding) { try parse(text) }
    }

    @Test func parametersAreCounted() throws {
        let most = (0..<RequestTarget.maximumParameters).map { "a\($0)=" }.joined(separator: "&")
        #expect(try parse("/?" + most).query.count == RequestTarget.maximumParameters)
        #expect(throws: RequestTargetError.tooManyParameters) { try parse("/?" + most + "&b") }
    }

    @Test func anyBytesParseOrThrow() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            var bytes: [UInt8] = [0x2f]
            for _ in 0..<Int.random(in: 0..<40, using: &generator) {
                bytes.append(
                    Bool.random(using: &generator)
                        ? UInt8.random(in: 0...255, using: &generator)
                        : Array("%/?&=+a0F".utf8).randomElement(using: &generator) ?? 0x25
                )
            }
            guard let target = try? parse(bytes: bytes) else { continue }
            // What was accepted holds only bytes that a target may hold.
            #expect(bytes.allSatisfy { $0.isTargetByte || $0 == 0x25 }, "\(bytes)")
            #expect(target.rawPath.hasPrefix("/"), "\(bytes)")
        }
    }

    @Test func everyErrorSaysWhatIsWrong() {
        let errors: [RequestTargetError] = [
            .form, .byte(0x20), .percentEncoding, .encoding, .tooManyParameters,
        ]
        #expect(Set(errors.map(\.detail)).count == errors.count)
        #expect(RequestTargetError.byte(0x20).detail.contains("0x20"))
    }
}
