/// Where the reply of one exchange goes.
package protocol ResponseSink: AnyObject, Sendable {
    /// Takes the reply: called once, on any thread.
    ///
    /// `make` makes the reply, later and on the sink's own thread.
    func accept(_ make: @escaping @Sendable () -> Response)
}

/// Takes the one reply of an exchange, from any thread and at any later time.
package struct Responder: Sendable {
    private let sink: any ResponseSink

    package init(sink: any ResponseSink) {
        self.sink = sink
    }

    /// Replies; exactly one `respond` is called, exactly once.
    package func respond(_ response: Response) {
        sink.accept { response }
    }

    /// Replies with what `make` returns.
    ///
    /// Cheap on the calling thread: `make` runs on the server's own.
    package func respond(_ make: @escaping @Sendable () -> Response) {
        sink.accept(make)
    }
}
