// swift-tools-version: 6.2
import PackageDescription

// The layers, lowest first; a target may import only what stands in its `dependencies`, and the
// build runs with `--explicit-target-dependency-import-check error`. ARCHITECTURE.md explains each
// row.

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
]

func library(
    _ name: String,
    _ dependencies: [Target.Dependency] = [],
    resources: [Resource] = []
) -> Target {
    .target(
        name: name,
        dependencies: dependencies,
        resources: resources,
        swiftSettings: settings
    )
}

/// What tests of several targets share.
func double(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(
        name: name,
        dependencies: dependencies,
        path: "Tests/\(name)",
        swiftSettings: settings
    )
}

func tests(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .testTarget(
        name: name + "Tests",
        dependencies: [.target(name: name)] + dependencies,
        swiftSettings: settings
    )
}

let package = Package(
    name: "Strongroom",
    products: [
        .library(name: "TransparencyLog", targets: ["TransparencyLog"]),
        .library(name: "EvidenceModel", targets: ["EvidenceModel"]),
        .executable(name: "strongroom", targets: ["strongroom"]),
    ],
    targets: [
        // C libraries of the system.
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "CLMDB", pkgConfig: "lmdb", providers: [.apt(["liblmdb-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(
            name: "CCurl",
            pkgConfig: "libcurl",
            providers: [.apt(["libcurl4-openssl-dev"])]
        ),
        .systemLibrary(
            name: "CMicroHTTPD",
            pkgConfig: "libmicrohttpd",
            providers: [.apt(["libmicrohttpd-dev"])]
        ),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(
            name: "CArchive",
            pkgConfig: "libarchive",
            providers: [.apt(["libarchive-dev"])]
        ),
        .systemLibrary(
            name: "CExpat",
            pkgConfig: "expat",
            providers: [.apt(["libexpat1-dev"])]
        ),

        // Wrappers: the only importer of each C module (Platform of Glibc).
        library("Platform", ["CLinux"]),
        library("LMDBKit", ["CLMDB", "Platform"]),
        library("Zstandard", ["CZstd"]),
        library("Cryptography", ["COpenSSL"]),
        library("CurlClient", ["CCurl", "Platform"]),
        library("YAMLReader", ["CYAML"]),
        library("TarArchive", ["CArchive"]),
        library("XMLReader", ["CExpat"]),

        // Pure: no clock, no randomness, no file, no socket.
        library("HTTPMessage"),
        library("TransparencyLog", ["Cryptography"]),
        library("EvidenceModel", ["Cryptography", "TransparencyLog"]),
        library("SigV4", ["Cryptography"]),

        // Engine: does not know HTTP.
        library(
            "EvidenceStore",
            [
                "LMDBKit", "Zstandard", "Cryptography", "TransparencyLog", "EvidenceModel",
                "Platform",
            ]
        ),

        library(
            "Replication",
            [
                "EvidenceStore", "LMDBKit", "Zstandard", "TarArchive", "Cryptography",
                "TransparencyLog", "EvidenceModel", "Platform",
            ]
        ),

        // Engine: who confirms from outside what the log signed: witnesses, time-stamping
        // authorities.
        library(
            "Attestation",
            [
                "EvidenceStore", "LMDBKit", "Cryptography", "TransparencyLog", "EvidenceModel",
                "Platform",
            ]
        ),

        // Engine: evidence as a bundle that proves itself, written and checked.
        library(
            "EvidenceBundle",
            [
                "EvidenceStore", "TarArchive", "Cryptography", "TransparencyLog", "EvidenceModel",
                "Platform",
            ],
            resources: [.embedInCode("verify.py")]
        ),

        // Adapter: the engine's ObjectStore over S3.
        library(
            "S3",
            [
                "Replication", "CurlClient", "XMLReader", "SigV4", "Cryptography",
                "EvidenceModel", "Platform",
            ]
        ),

        // Edge. MicroServer is the only one that knows the HTTP library.
        library("MicroServer", ["CMicroHTTPD", "HTTPMessage", "Platform"]),
        library("Observability", ["EvidenceModel", "EvidenceStore", "Platform"]),
        library(
            "HTTPAPI",
            [
                "HTTPMessage", "TransparencyLog", "EvidenceModel", "EvidenceStore", "Cryptography",
                "TarArchive", "Observability", "Platform", "Zstandard", "Replication",
                "EvidenceBundle", "Attestation",
            ]
        ),
        .executableTarget(
            name: "strongroom",
            dependencies: [
                "Platform", "LMDBKit", "Cryptography", "TransparencyLog", "EvidenceModel",
                "EvidenceStore",
                "CurlClient", "YAMLReader", "HTTPMessage", "MicroServer", "HTTPAPI",
                "Observability", "Replication", "S3", "SigV4", "EvidenceBundle",
                "Attestation",
            ],
            swiftSettings: settings
        ),

        double("StoreDouble", ["Replication", "Cryptography", "EvidenceModel", "Platform"]),

        tests("Platform"),
        tests("LMDBKit", ["Platform"]),
        tests("Zstandard"),
        tests("Cryptography"),
        tests("CurlClient"),
        tests("YAMLReader"),
        tests("TarArchive"),
        tests("XMLReader"),
        tests("HTTPMessage"),
        tests("TransparencyLog", ["Cryptography"]),
        tests("EvidenceModel", ["Cryptography", "TransparencyLog"]),
        tests("SigV4", ["Cryptography"]),
        tests(
            "EvidenceStore",
            ["LMDBKit", "Cryptography", "TransparencyLog", "EvidenceModel", "Platform"]
        ),
        tests(
            "Replication",
            [
                "EvidenceStore", "Zstandard", "TarArchive", "Cryptography", "TransparencyLog",
                "EvidenceModel", "Platform", "StoreDouble",
            ]
        ),
        tests(
            "EvidenceBundle",
            [
                "EvidenceStore", "TarArchive", "Cryptography", "TransparencyLog", "EvidenceModel",
                "Platform",
            ]
        ),
        tests(
            "Attestation",
            [
                "EvidenceStore", "Cryptography", "TransparencyLog", "EvidenceModel", "Platform",
            ]
        ),
        tests(
            "S3",
            [
                "Replication", "CurlClient", "SigV4", "Cryptography", "EvidenceModel", "Platform",
                "MicroServer", "HTTPMessage",
            ]
        ),
        tests("MicroServer", ["HTTPMessage", "Platform"]),
        tests("Observability", ["EvidenceModel", "Platform"]),
        tests(
            "HTTPAPI",
            [
                "HTTPMessage", "EvidenceStore", "EvidenceModel", "TransparencyLog", "Cryptography",
                "Observability", "Platform", "Zstandard", "YAMLReader", "Replication",
                "StoreDouble",
            ]
        ),
        tests(
            "strongroom",
            [
                "Platform", "Cryptography", "TransparencyLog", "EvidenceModel", "EvidenceStore",
                "Observability", "MicroServer", "Replication", "S3", "Attestation",
            ]
        ),
        .testTarget(name: "TidyTests", swiftSettings: settings),
    ]
)
