import CurlClient
import EvidenceModel
import Platform
import Replication
import SigV4

/// Sends the requests by which credentials are got, and reads the replies.
struct MetadataRequests {
    private let client: HTTPClient
    private let surroundings: Surroundings
    /// What is asked, for messages.
    private let service: String

    static let maximumReplyBytes = 1 << 20

    init(_ settings: CredentialSettings, service: String, seconds: Int, proxies: HTTPClient.Proxies)
    {
        var options = HTTPClient.Options(userAgent: settings.userAgent)
        options.connectTimeoutMilliseconds = 1_000 * seconds * settings.patience
        options.requestTimeoutMilliseconds = 2_000 * seconds * settings.patience
        options.maximumBodyBytes = Self.maximumReplyBytes
        options.proxies = proxies
        client = HTTPClient(options: options)
        surroundings = settings.surroundings
        self.service = service
    }

    /// The reply to a request, of any status below 500; asked for three times at most.
    func reply(to request: ClientRequest) throws(StoreFailure) -> ClientResponse {
        var schedule = RetrySchedule(RetryPolicy())
        while true {
            let problem: String
            do throws(CurlError) {
                let response = try client.perform(request)
                guard response.status >= 500 else { return response }
                problem = "status \(response.status)"
            } catch {
                problem = "\(error)"
            }
            guard let wait = schedule.next(chance: surroundings.chance()) else {
                throw .none("\(service) gives none: \(excerpt(problem))")
            }
            surroundings.sleep(wait)
        }
    }

    /// The body of a reply that must be a success, as text.
    func text(of request: ClientRequest) throws(StoreFailure) -> String {
        let response = try reply(to: request)
        guard response.status == 200 else {
            throw .none("\(service) answers with status \(response.status)")
        }
        return String(decoding: response.body, as: UTF8.self)
    }

    /// The credentials in a JSON reply.
    ///
    /// Only names of members are ever told of it.
    func credentials(inJSON response: ClientResponse) throws(StoreFailure) -> IssuedCredentials {
        guard response.status == 200 else {
            throw .none("\(service) answers with status \(response.status)")
        }
        guard let value = try? JSONValue(parsing: response.body.span, form: .any),
            case .object(let object) = value
        else { throw .none("\(service) answers with what is not a JSON object") }
        func member(_ name: String) -> String? {
            guard case .string(let text)? = object[name] else { return nil }
            return text
        }
        if let code = member("Code"), code != "Success" {
            throw .none("\(service) answers with the code \(excerpt(code, limit: 64))")
        }
        return try credentials(
            id: member("AccessKeyId"),
            secret: member("SecretAccessKey"),
            token: member("Token"),
            expires: member("Expiration")
        )
    }

    func credentials(
        id: String?,
        secret: String?,
        token: String?,
        expires: String?
    ) throws(StoreFailure) -> IssuedCredentials {
        guard let id, let secret, let token,
            let credentials = SigningCredentials(
                accessKeyID: id,
                secretAccessKey: secret,
                sessionToken: token
            )
        else { throw .none("\(service) answers without a usable key, secret and token") }
        guard let date = expires.flatMap(Timestamp.init(storeText:)) else {
            throw .none("\(service) answers without a usable Expiration")
        }
        return IssuedCredentials(credentials, expires: date)
    }
}

/// The first line of a small file with a secret.
func secretLine(_ path: String) throws(StoreFailure) -> String {
    do {
        let bytes = try FileSystem.contents(path)
        let text = String(decoding: bytes, as: UTF8.self)
        guard let line = text.split(whereSeparator: \.isWhitespace).first else {
            throw StoreFailure.none("\(path) is empty")
        }
        return String(line)
    } catch let error as StoreFailure {
        throw error
    } catch {
        throw .none("\(error)")
    }
}
