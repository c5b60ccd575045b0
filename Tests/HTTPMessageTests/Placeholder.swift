import Testing

@testable import HTTPMessage
