import Cryptography
import Testing

@testable import SigV4

/// Why a request cannot be signed; `nil` if it can.
private func error(
    method: String = "GET",
    host: String = "h",
    path: String = "/",
    query: [SigningRequest.Item] = [],
    fields: [SigningRequest.Item] = []
) -> SigningError? {
    do throws(SigningError) {
        _ = try SigningRequest(
            method: method,
            host: host,
            path: path,
            query: query,
            fields: fields
        )
        return nil
    } catch {
        return error
    }
}

@Suite struct SigningTimeTests {
    @Test(
        arguments: [
            (0, "19700101T000000Z"), (951_782_399, "20000228T235959Z"),
            (951_782_400, "20000229T000000Z"), (1_440_938_160, "20150830T123600Z"),
            (4_107_542_400, "21000301T000000Z"), (253_402_300_799, "99991231T235959Z"),
        ] as [(Int64, String)]
    )
    func hasTheBasicForm(seconds: Int64, text: String) throws {
        let time = try #require(SigningTime(secondsSince1970: seconds))
        #expect(time.text == text)
        #expect(time.date == text.prefix(8))
    }

    @Test(arguments: [-1, 253_402_300_800, Int64.min, Int64.max])
    func otherTimesDoNotExist(seconds: Int64) {
        #expect(SigningTime(secondsSince1970: seconds) == nil)
    }
}

@Suite struct SecretTests {
    private let secret = "wJalrXUtnFEMI"

    private func shown(_ value: some Any) -> String {
        var text = "\(value) \(String(reflecting: value))"
        dump(value, to: &text)
        return text
    }

    @Test func credentialsShowNoSecretHoweverTheyAreShown() throws {
        let credentials = try #require(
            SigningCredentials(
                accessKeyID: "AKIDEXAMPLE",
                secretAccessKey: secret,
                sessionToken: "token-\(secret)"
            )
        )
        #expect(shown(credentials).contains("AKIDEXAMPLE"))
        var signer = Signer(credentials: credentials, region: try #require(ScopeName("r")))
        let request = try SigningRequest(method: "GET", host: "h", path: "/")
        let time = try #require(SigningTime(secondsSince1970: 0))
        _ = signer.fields(signing: request, at: time)
        let wrapped: [Any] = [
            credentials, credentials.secretAccessKey, signer, Optional(credentials) as Any,
            [credentials],
        ]
        for value in wrapped {
            #expect(!shown(value).contains(secret))
            #expect(!shown(value).contains("word0"))
        }
    }

    @Test(
        arguments: [
            ("", "s", nil), ("a b", "s", nil), ("a/b", "s", nil), ("a,b", "s", nil),
            ("é", "s", nil),
            ("a", "", nil), ("a", "s\n", nil), ("a", "s", ""), ("a", "s", "t\r\nX: y"),
        ] as [(String, String, String?)]
    )
    func othersAreNoCredentials(id: String, secret: String, token: String?) {
        let credentials = SigningCredentials(
            accessKeyID: id,
            secretAccessKey: secret,
            sessionToken: token
        )
        #expect(credentials == nil)
    }
}

@Suite struct SigningRequestTests {
    @Test func methodPathAndHostAreChecked() {
        for method in ["", "get", "GET /", "G\n"] {
            #expect(error(method: method) == .method)
        }
        for path in ["", "a", "é/"] {
            #expect(error(path: path) == .path)
        }
        for host in ["", "a b", "a/b", "user@host", "a,b", "é", "a\r\n"] {
            #expect(error(host: host) == .host)
        }
    }

    @Test func whatTheSignerSetsIsNobodyElses() {
        for name in ["Host", "authorization", "X-Amz-Date", "x-amz-content-sha256"] {
            let found = error(fields: [.init(name, "x")])
            #expect(found == .reserved(name))
        }
        let found = error(query: [.init("X-Amz-Signature", "x")])
        #expect(found == .reserved("X-Amz-Signature"))
    }

    @Test func fieldsAreOneLineOfASCII() {
        for (name, value) in [("a b", "x"), ("", "x"), ("a", "x\ny"), ("a", "é"), ("a", "\t")] {
            let found = error(fields: [.init(name, value)])
            #expect(found == .field(name))
        }
    }

    @Test func pathsAreEncodedOnceAndNotNormalised() throws {
        let request = try SigningRequest(
            method: "GET",
            host: "h",
            path: "//a/../é %2F",
            query: [.init("b", "/+"), .init("a")]
        )
        #expect(request.encodedPath == "//a/../%C3%A9%20%252F")
        #expect(request.encodedQuery == "a=&b=%2F%2B")
    }

    @Test func lifetimesAreSecondsToAWeek() {
        #expect(PresignedLifetime(seconds: 1)?.seconds == 1)
        #expect(PresignedLifetime(seconds: 604_800)?.seconds == 604_800)
        #expect(PresignedLifetime(seconds: 0) == nil)
        #expect(PresignedLifetime(seconds: 604_801) == nil)
    }

    @Test func scopeNamesAreWords() {
        #expect(ScopeName("eu-central-1")?.text == "eu-central-1")
        for text in ["", "a/b", "a b", "é", String(repeating: "a", count: 65)] {
            #expect(ScopeName(text) == nil)
        }
    }
}
