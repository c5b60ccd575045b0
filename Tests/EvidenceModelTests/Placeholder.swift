import Testing

@testable import EvidenceModel
