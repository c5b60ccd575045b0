import Testing

@testable import TransparencyLog
