import EvidenceModel
import HTTPMessage
import Platform
import Replication
import Testing

@testable import S3

/// The policies under `ops/aws` against the requests that the client sends.
@Suite struct PolicyTests {
    /// A statement of a policy.
    private struct Statement {
        let sid: String
        let isDeny: Bool
        let actions: Set<String>
        let resources: [String]
        let object: JSONObject
    }

    private static let folder =
        "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/") + "/ops/aws/"

    private func object(_ file: String) throws -> JSONObject {
        let bytes = try FileSystem.contents(Self.folder + file)
        guard case .object(let object) = try JSONValue(parsing: bytes.span, form: .any) else {
            throw StoreFailure.corrupt(detail: "\(file) is no object")
        }
        return object
    }

    private func texts(_ value: JSONValue?) -> [String] {
        switch value {
        case .string(let text)?: return [text]
        case .array(let values)?: return values.flatMap { texts($0) }
        default: return []
        }
    }

    private func statements(_ file: String) throws -> [Statement] {
        let policy = try object(file)
        #expect(policy["Version"] == "2012-10-17", "\(file)")
        #expect(policy.members.map(\.name) == ["Statement", "Version"], "\(file)")
        guard case .array(let values)? = policy["Statement"] else { return [] }
        return try values.map { value in
            guard case .object(let object) = value else {
                throw StoreFailure.corrupt(detail: "\(file) has a statement that is none")
            }
            let effect = texts(object["Effect"])
            #expect(effect == ["Allow"] || effect == ["Deny"], "\(file)")
            let known = ["Action", "Condition", "Effect", "Principal", "Resource", "Sid"]
            #expect(Set(object.members.map(\.name)).isSubset(of: Set(known)), "\(file)")
            let sid = texts(object["Sid"]).first ?? ""
            // Sids have letters and digits only.
            #expect(sid.contains(/^[A-Za-z0-9]+$/), "\(file): \(sid)")
            let actions = texts(object["Action"])
            #expect(actions == Set(actions).sorted() && !actions.isEmpty, "\(file): \(sid)")
            return Statement(
                sid: sid,
                isDeny: effect == ["Deny"],
                actions: Set(actions),
                resources: texts(object["Resource"]),
                object: object
            )
        }
    }

    private func allowed(_ file: String) throws -> Set<String> {
        try statements(file).reduce(into: []) { all, statement in
            #expect(!statement.isDeny)
            all.formUnion(statement.actions)
        }
    }

    // MARK: Grammar

    private static let policies = [
        "writer-policy.json", "writer-kms-policy.json", "retention-policy.json",
        "bucket-policy.json",
    ]

    /// Those that the policies use.
    ///
    /// Reference: Service Authorization Reference, "Actions, resources, and condition keys for
    /// Amazon S3", and the same for AWS KMS.
    private static let objectActions: Set<String> = [
        "s3:AbortMultipartUpload", "s3:BypassGovernanceRetention", "s3:DeleteObject",
        "s3:DeleteObjectVersion", "s3:GetObject", "s3:GetObjectLegalHold",
        "s3:GetObjectRetention", "s3:GetObjectVersion", "s3:PutObject", "s3:PutObjectAcl",
        "s3:PutObjectLegalHold", "s3:PutObjectRetention", "s3:PutObjectVersionAcl",
    ]
    private static let bucketActions: Set<String> = [
        "s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:GetBucketLocation",
        "s3:GetBucketObjectLockConfiguration", "s3:GetBucketVersioning", "s3:ListBucket",
        "s3:ListBucketMultipartUploads", "s3:ListBucketVersions", "s3:PutBucketAcl",
        "s3:PutBucketObjectLockConfiguration", "s3:PutBucketOwnershipControls",
        "s3:PutBucketPolicy", "s3:PutBucketPublicAccessBlock", "s3:PutBucketVersioning",
        "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration",
        "s3:PutReplicationConfiguration",
    ]
    private static let keyActions: Set<String> = ["kms:Decrypt", "kms:GenerateDataKey"]

    @Test(arguments: policies)
    func actionsAreKnownAndStandWithTheResourcesThatTheyAreFor(_ file: String) throws {
        for statement in try statements(file) where statement.actions != ["s3:*"] {
            for action in statement.actions {
                let isForObjects = Self.objectActions.contains(action)
                let isForBucket = Self.bucketActions.contains(action)
                #expect(
                    isForObjects || isForBucket || Self.keyActions.contains(action),
                    "\(action)"
                )
                for resource in statement.resources where !Self.keyActions.contains(action) {
                    #expect(resource.hasPrefix("arn:aws:s3:::${bucket}"))
                    #expect(resource.contains("}/") == isForObjects, "\(action) on \(resource)")
                }
            }
        }
    }

    @Test(arguments: policies)
    func whatIsAllowedHasNoWildcardAndNoPrincipalAndIsOfThisBucket(_ file: String) throws {
        for statement in try statements(file) {
            guard !statement.isDeny else {
                #expect(statement.object["Principal"] == "*", "\(statement.sid)")
                continue
            }
            #expect(statement.object["Principal"] == nil, "\(statement.sid)")
            #expect(!statement.actions.contains { $0.contains("*") }, "\(statement.sid)")
            let places = [
                "arn:aws:s3:::${bucket}/${prefix}*", "arn:aws:s3:::${bucket}", "${kms_key_arn}",
            ]
            #expect(statement.resources.count == 1, "\(statement.sid)")
            #expect(statement.resources.allSatisfy { places.contains($0) }, "\(statement.sid)")
        }
    }

    // MARK: Who may what

    @Test func theWriterNeitherDeletesNorBypassesNorChangesTheBucket() throws {
        let actions = try allowed("writer-policy.json").union(allowed("writer-kms-policy.json"))
        for word in ["Delete", "Bypass", "PutBucket", "PutLifecycle", "PutReplication", "Acl"] {
            #expect(!actions.contains { $0.contains(word) }, "\(word)")
        }
    }

    @Test func retentionDeletesVersionsAndNothingElse() throws {
        #expect(try allowed("retention-policy.json") == ["s3:DeleteObjectVersion"])
    }

    @Test func theBucketDeniesWhatNobodyMayWhateverElseIsAllowed() throws {
        let statements = try statements("bucket-policy.json")
        #expect(statements.allSatisfy { $0.isDeny })
        func denied(_ action: String) throws -> JSONObject {
            try #require(statements.first { $0.actions.contains(action) }, "\(action)").object
        }
        for action in ["s3:BypassGovernanceRetention", "s3:DeleteObject"] {
            #expect(try denied(action)["Condition"] == nil, "\(action) has an exception")
        }
        func exception(_ arn: String) -> JSONValue {
            ["ArnNotEquals": ["aws:PrincipalArn": .string(arn)]]
        }
        for (action, arn) in [
            ("s3:DeleteObjectVersion", "${retention_arn}"), ("s3:PutObject", "${writer_arn}"),
            ("s3:PutObjectRetention", "${writer_arn}"), ("s3:PutObjectLegalHold", "${writer_arn}"),
            ("s3:PutBucketObjectLockConfiguration", "${administrator_arn}"),
            ("s3:PutBucketVersioning", "${administrator_arn}"),
            ("s3:PutLifecycleConfiguration", "${administrator_arn}"),
            ("s3:PutBucketPolicy", "${administrator_arn}"),
        ] {
            #expect(try denied(action)["Condition"] == exception(arn), "\(action)")
        }
        // Nothing that the writer or the retention profile needs is denied to them.
        let writer = try allowed("writer-policy.json")
        for statement in statements where statement.actions != ["s3:*"] {
            let excepted = statement.object["Condition"]
            if excepted != exception("${writer_arn}") {
                #expect(statement.actions.isDisjoint(with: writer), "\(statement.sid)")
            }
            if excepted != exception("${retention_arn}") {
                #expect(!statement.actions.contains("s3:DeleteObjectVersion"), "\(statement.sid)")
            }
        }
    }

    // MARK: What is really sent

    /// What Amazon demands for a request.
    ///
    /// Reference: Amazon S3 User Guide, "Required permissions for Amazon S3 API operations".
    private func demands(_ request: FakeRequest) -> Set<String> {
        let query = Set(request.query.keys)
        let isOfObject = request.path != "/bucket"
        switch request.method {
        case "GET", "HEAD":
            if query.contains("versions") { return ["s3:ListBucketVersions"] }
            if query.contains("uploads") { return ["s3:ListBucketMultipartUploads"] }
            if query.contains("versioning") { return ["s3:GetBucketVersioning"] }
            if query.contains("object-lock") { return ["s3:GetBucketObjectLockConfiguration"] }
            if query.contains("location") { return ["s3:GetBucketLocation"] }
            if query.contains("retention") { return ["s3:GetObjectRetention"] }
            if query.contains("legal-hold") { return ["s3:GetObjectLegalHold"] }
            guard isOfObject else { return ["unknown \(request.method) \(request.query)"] }
            // Without the two a reply lacks the lock; without the list an object that is not there
            // is told as a refusal.
            return [
                query.contains("versionId") ? "s3:GetObjectVersion" : "s3:GetObject",
                "s3:GetObjectRetention", "s3:GetObjectLegalHold", "s3:ListBucket",
            ]
        case "PUT":
            if query.contains("retention") { return ["s3:PutObjectRetention"] }
            if query.contains("legal-hold") { return ["s3:PutObjectLegalHold"] }
            guard query.isEmpty || query == ["partNumber", "uploadId"] else { break }
            return writing(request)
        case "POST":
            if query == ["delete"] { return ["s3:DeleteObjectVersion"] }
            if query == ["uploads"] || query == ["uploadId"] { return writing(request) }
        case "DELETE":
            if query == ["uploadId"] { return ["s3:AbortMultipartUpload"] }
            return [query == ["versionId"] ? "s3:DeleteObjectVersion" : "s3:DeleteObject"]
        default: break
        }
        return ["unknown \(request.method) \(request.query)"]
    }

    private func writing(_ request: FakeRequest) -> Set<String> {
        var actions: Set<String> = ["s3:PutObject"]
        if request.fields["x-amz-object-lock-mode"] != nil {
            actions.insert("s3:PutObjectRetention")
        }
        if request.fields["x-amz-object-lock-legal-hold"] != nil {
            actions.insert("s3:PutObjectLegalHold")
        }
        #expect(!request.fields.keys.contains { $0.contains("acl") || $0.contains("grant") })
        #expect(!request.fields.keys.contains { $0.contains("bypass") || $0.contains("tagging") })
        return actions
    }

    private static func answer(_ request: FakeRequest) -> Response {
        let query = request.query
        if query["versioning"] != nil {
            return .text(
                200,
                "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
            )
        }
        if query["object-lock"] != nil {
            return .text(
                200,
                "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>"
                    + "</ObjectLockConfiguration>"
            )
        }
        if query["location"] != nil { return .text(200, "<LocationConstraint/>") }
        if query["versions"] != nil {
            return .text(200, "<ListVersionsResult></ListVersionsResult>")
        }
        if query["uploads"] != nil {
            return request.method == "GET"
                ? .text(200, "<ListMultipartUploadsResult></ListMultipartUploadsResult>")
                : .text(
                    200,
                    "<InitiateMultipartUploadResult><UploadId>u</UploadId>"
                        + "</InitiateMultipartUploadResult>"
                )
        }
        if query["delete"] != nil { return .text(200, "<DeleteResult></DeleteResult>") }
        if request.method == "POST" {
            return .text(
                200,
                "<CompleteMultipartUploadResult><ETag>t</ETag></CompleteMultipartUploadResult>",
                ["x-amz-version-id": "v1"]
            )
        }
        return .stored
    }

    /// Calls everything that a store can do, and returns what was sent.
    private func everythingSent() throws -> [FakeRequest] {
        let server = try FakeServer { request, _ in Self.answer(request) }
        defer { server.stop() }
        let client = try client(server)
        let name = VersionedKey(try key("packs/a"), try version("v1"))
        var put = PutRequest(key: name.key, bytes: bytes("evidence"))
        put.lock = try lock()
        put.hold = .on
        _ = try client.put(put)
        for version in [nil, name.version] {
            _ = failure { () throws(StoreFailure) in
                try client.get(name.key, version: version, range: nil) { _ in }
            }
            _ = failure { () throws(StoreFailure) in
                try client.head(name.key, version: version)
            }
        }
        _ = try client.listVersions(prefix: "packs/", depth: .all, after: nil, limit: 10)
        _ = failure { () throws(StoreFailure) in try client.retention(of: name) }
        _ = failure { () throws(StoreFailure) in try client.legalHold(of: name) }
        try client.setRetention(try lock(), of: name)
        try client.setLegalHold(.off, of: name)
        var multipart = MultipartRequest(key: name.key)
        multipart.lock = try lock()
        multipart.hold = .on
        let upload = try client.beginMultipart(multipart)
        let part = try client.uploadPart(
            upload,
            number: 1,
            body: .bytes(bytes("part")),
            checksum: digest(bytes("part"))
        )
        _ = failure { () throws(StoreFailure) in
            try client.completeMultipart(upload, parts: [part], condition: .absent)
        }
        try client.abortMultipart(upload)
        _ = try client.listMultiparts(prefix: "", after: nil)
        _ = try client.bucketFacts()
        try client.delete(name)
        _ = try client.delete([name])
        return server.requests
    }

    @Test func whatIsSentIsAllowedAndNothingMore() throws {
        let requests = try everythingSent()
        #expect(requests.count >= 18)
        let demanded = requests.reduce(into: Set<String>()) { $0.formUnion(demands($1)) }
        let deleting: Set<String> = ["s3:DeleteObjectVersion"]
        #expect(try demanded.subtracting(deleting) == allowed("writer-policy.json"))
        #expect(try demanded.intersection(deleting) == allowed("retention-policy.json"))
        // Each deletion names a version: none hides an object.
        for request in requests where request.method == "DELETE" {
            #expect(request.query["versionId"] != nil || request.query["uploadId"] != nil)
        }
        for request in requests where request.query["delete"] != nil {
            #expect(request.bodyText.contains("<VersionId>"))
        }
    }

    // MARK: The bucket

    @Test func noLifecycleRuleTouchesWhatIsKept() throws {
        guard case .array(let rules)? = try object("lifecycle.json")["Rules"] else {
            Issue.record("no rules")
            return
        }
        for case .object(let rule) in rules {
            #expect(rule["Expiration"] == nil && rule["Status"] == "Enabled")
            guard rule["NoncurrentVersionExpiration"] != nil else { continue }
            #expect(rule["Filter"] == ["Prefix": "${prefix}log/checkpoint"])
        }
        #expect(rules.count == 2)
    }

    @Test func theTerraformTextSaysTheSame() throws {
        let bytes = try FileSystem.contents(Self.folder + "main.tf")
        let text = String(decoding: bytes, as: UTF8.self)
        for words in [
            "object_lock_enabled = true", "force_destroy       = false", "prevent_destroy = true",
            "status = \"Enabled\"", "prefix = \"${var.prefix}log/checkpoint\"",
            "noncurrent_days = 30", "days_after_initiation = 7",
        ] {
            #expect(text.contains(words), "\(words)")
        }
        #expect(!text.contains("aws_s3_bucket_object_lock_configuration"))
        #expect(text.count { $0 == "{" } == text.count { $0 == "}" })
        #expect(text.count { $0 == "(" } == text.count { $0 == ")" })
        #expect(text.count { $0 == "\"" }.isMultiple(of: 2))
        // Every policy is used, and every name in one is among those that are filled in.
        let names = Set(
            try #require(text.split(separator: "names = {").last).prefix { $0 != "}" }
                .matches(of: /([a-z_]+) +=/).map { String($0.1) }
        )
        for file in Self.policies {
            #expect(text.contains("/\(file)\""), "\(file) is not used")
            let policy = String(
                decoding: try FileSystem.contents(Self.folder + file),
                as: UTF8.self
            )
            for match in policy.matches(of: /\$\{([^}]*)\}/) {
                #expect(names.contains(String(match.1)), "\(file): \(match.0)")
            }
        }
    }
}
