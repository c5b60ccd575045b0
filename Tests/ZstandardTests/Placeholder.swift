import Testing

@testable import Zstandard
