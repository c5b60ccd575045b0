import Testing

@testable import LMDBKit
