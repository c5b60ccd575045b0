import Testing

@testable import MicroServer
