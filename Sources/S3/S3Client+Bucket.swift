import CurlClient
package import Replication
import XMLReader

// What the bucket is set up to do.
extension S3Client {
    package func bucketFacts() throws(StoreFailure) -> BucketFacts {
        BucketFacts(
            versioning: try versioning(),
            objectLocking: try objectLocking(),
            region: try region()
        )
    }

    private func versioning() throws(StoreFailure) -> BucketFacts.Versioning {
        let call = S3Call("GET", query: [("versioning", "")])
        let root = try document(perform(call), named: "VersioningConfiguration")
        return switch root.text("Status") {
        case "Enabled": .enabled
        case "Suspended": .suspended
        default: .never
        }
    }

    private func objectLocking() throws(StoreFailure) -> BucketFacts.ObjectLocking? {
        let call = S3Call("GET", query: [("object-lock", "")])
        let root: XMLElement
        do throws(StoreFailure) {
            root = try document(perform(call), named: "ObjectLockConfiguration")
        } catch .notFound {
            return nil
        }
        guard root.text("ObjectLockEnabled") == "Enabled" else { return nil }
        guard let rule = root["Rule"]?["DefaultRetention"] else {
            return BucketFacts.ObjectLocking(defaultRetention: nil)
        }
        let length = ["Days", "Years"].compactMap { unit in
            rule.text(unit).map { "\($0) \(unit.lowercased())" }
        }
        return BucketFacts.ObjectLocking(
            defaultRetention: excerpt(
                ([rule.text("Mode") ?? "unknown mode"] + length).joined(separator: ", ")
            )
        )
    }

    /// `nil` if these credentials may not ask, or the store does not know.
    private func region() throws(StoreFailure) -> String? {
        let text: String
        do throws(StoreFailure) {
            let response = try perform(S3Call("GET", query: [("location", "")]))
            let name = "LocationConstraint"
            // Some stores wrap it as it is wrapped when a bucket is made.
            if let root = try? document(response, named: "CreateBucketConfiguration") {
                text = root.text(name) ?? ""
            } else {
                text = try document(response, named: name).text
            }
        } catch .accessDenied, .unsupported, .notFound {
            return nil
        }
        return switch text {
        case "": "us-east-1"
        case "EU": "eu-west-1"
        default: excerpt(text)
        }
    }
}
