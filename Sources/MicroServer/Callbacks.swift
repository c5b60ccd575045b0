internal import CMicroHTTPD

// What the library calls, always on the worker's thread. A connection's context is its
// `Connection`, retained from the notification of its start to that of its end; the daemon's is its
// `Worker`.

func notifyConnection(
    context: UnsafeMutableRawPointer?,
    handle: OpaquePointer?,
    slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
    code: MHD_ConnectionNotificationCode
) {
    guard let context = unsafe context, let handle = unsafe handle, let slot = unsafe slot else {
        return
    }
    let worker = unsafe Unmanaged<Worker>.fromOpaque(context).takeUnretainedValue()
    if code == .CONNECTION_NOTIFY_STARTED {
        let connection = unsafe Connection(handle: handle, worker: worker)
        unsafe slot.pointee = unsafe Unmanaged.passRetained(connection).toOpaque()
        worker.register(connection)
    } else if let opaque = unsafe slot.pointee {
        unsafe slot.pointee = nil
        let connection = unsafe Unmanaged<Connection>.fromOpaque(opaque).takeRetainedValue()
        worker.connectionClosing(connection)
    }
}

func beginRequest(
    context: UnsafeMutableRawPointer?,
    target: UnsafePointer<CChar>?,
    handle: OpaquePointer?
) -> UnsafeMutableRawPointer? {
    guard let opaque = unsafe mhd_connection_context(handle) else { return nil }
    let connection = unsafe Unmanaged<Connection>.fromOpaque(opaque).takeUnretainedValue()
    unsafe connection.requestLine(target: target)
    return unsafe opaque
}

func handleRequest(
    context: UnsafeMutableRawPointer?,
    handle: OpaquePointer?,
    url: UnsafePointer<CChar>?,
    method: UnsafePointer<CChar>?,
    version: UnsafePointer<CChar>?,
    upload: UnsafePointer<CChar>?,
    size: UnsafeMutablePointer<Int>?,
    slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> MHD_Result {
    guard let opaque = unsafe slot?.pointee, let method = unsafe method,
        let version = unsafe version, let size = unsafe size
    else { return .NO }
    let connection = unsafe Unmanaged<Connection>.fromOpaque(opaque).takeUnretainedValue()
    let line = unsafe RequestLineText(method: method, version: version)
    return unsafe connection.advance(line, upload: upload, size: size) ? .YES : .NO
}

func endRequest(
    context: UnsafeMutableRawPointer?,
    handle: OpaquePointer?,
    slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
    code: MHD_RequestTerminationCode
) {
    guard let opaque = unsafe slot?.pointee else { return }
    unsafe Unmanaged<Connection>.fromOpaque(opaque).takeUnretainedValue().requestEnded()
}
