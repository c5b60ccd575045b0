import Testing

@testable import EvidenceStore
