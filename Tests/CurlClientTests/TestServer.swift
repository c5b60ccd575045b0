import Foundation

/// A small HTTP/1.1 server in a process of its own; it ends with the test process.
final class TestServer: Sendable {
    static let shared = TestServer(arguments: [])
    /// Speaks TLS, with a certificate of its own making.
    static let secure = TestServer(arguments: makeCertificate())

    let port: Int
    /// The certificate of a server that speaks TLS.
    let certificateFile: String?
    var base: String { "\(certificateFile == nil ? "http" : "https")://127.0.0.1:\(port)" }

    private let process: Process
    private let input: Pipe

    /// - Parameter arguments: Of the script: the files of a certificate and its key, or none.
    private init(arguments: [String]) {
        certificateFile = arguments.first
        process = Process()
        input = Pipe()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", Self.script] + arguments
        process.standardInput = input
        process.standardOutput = output
        do {
            try process.run()
        } catch {
            fatalError("the test server needs python3: \(error)")
        }
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        guard let port = Int(line.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            fatalError("the test server did not start: \(line)")
        }
        self.port = port
    }

    private static func makeCertificate() -> [String] {
        let directory = FileManager.default.temporaryDirectory
            .appendingPathComponent("curlclient-\(UUID().uuidString)")
        let files = ["certificate.pem", "key.pem"].map { directory.appendingPathComponent($0).path }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-days", "2", "-subj", "/CN=test", "-addext",
            "subjectAltName=IP:127.0.0.1", "-out", files[0], "-keyout", files[1],
        ]
        process.standardError = FileHandle.nullDevice
        do {
            try FileManager.default.createDirectory(
                at: directory,
                withIntermediateDirectories: true
            )
            try process.run()
        } catch {
            fatalError("the test server needs openssl: \(error)")
        }
        process.waitUntilExit()
        return files
    }

    private static let script = #"""
        import http.server, os, shutil, socket, ssl, sys, threading, time

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1
            # How often a connection was closed instead of an answer, for each query.
            closes = {}

            def log_message(self, *arguments):
                pass

            def handle_expect_100(self):
                if self.path == "/early":
                    self.answer(413, b"too large", close=True)
                    return False
                super().handle_expect_100()
                # Or the client would wait a second for it.
                self.wfile.flush()
                return True

            def body(self):
                if self.headers.get("Transfer-Encoding") == "chunked":
                    body = b""
                    while True:
                        size = int(self.rfile.readline(), 16)
                        body += self.rfile.read(size)
                        self.rfile.readline()
                        if size == 0:
                            return body
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))

            def answer(self, status, body=b"", fields=(), close=False):
                self.send_response(status)
                for name, value in fields:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                if close:
                    self.send_header("Connection", "close")
                    self.close_connection = True
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)
                self.wfile.flush()
                if close:
                    # A reset for what the client still sends could take the answer away.
                    self.connection.shutdown(socket.SHUT_WR)
                    while self.connection.recv(1 << 20):
                        pass

            def handle_any(self):
                path = self.path.split("?")[0]
                if path == "/early":
                    # Refuses without reading, and closes.
                    self.answer(413, b"too large", close=True)
                    return
                body = self.body()
                if path == "/echo":
                    text = self.command + " " + self.path + "\n"
                    text += "".join(f"{n.lower()}: {v}\n" for n, v in self.headers.items())
                    self.answer(200, text.encode() + b"\n" + body)
                elif path.startswith("/bytes/"):
                    count = int(path[7:])
                    self.answer(200, bytes(i % 251 for i in range(count)))
                elif path.startswith("/status/"):
                    self.answer(int(path[8:]), b"problem", [("X-Reason", " because  ")])
                elif path == "/port":
                    self.answer(200, str(self.client_address[1]).encode())
                elif path == "/redirect":
                    self.answer(302, b"", [("Location", "/echo")])
                elif path == "/slow":
                    time.sleep(120)
                    self.answer(200)
                elif path == "/close":
                    query = self.path.partition("?")[2]
                    Handler.closes[query] = Handler.closes.get(query, 0) + 1
                    self.close_connection = True
                elif path == "/closes":
                    query = self.path.partition("?")[2]
                    self.answer(200, str(Handler.closes.get(query, 0)).encode())
                elif path == "/drip":
                    self.send_response(200)
                    self.send_header("Content-Length", "9")
                    self.end_headers()
                    for _ in range(9):
                        time.sleep(0.5)
                        self.wfile.write(b".")
                        self.wfile.flush()
                elif path == "/half":
                    self.send_response(200)
                    self.send_header("Content-Length", "1000")
                    self.end_headers()
                    self.wfile.write(b"half")
                    self.close_connection = True
                elif path == "/chunked":
                    self.send_response(200)
                    self.send_header("Transfer-Encoding", "chunked")
                    self.end_headers()
                    for part in (b"one", b"two", b"three"):
                        self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                        self.wfile.flush()
                    self.wfile.write(b"0\r\n\r\n")
                elif path == "/nonsense":
                    self.wfile.write(b"\x00\x01\x02 nothing of HTTP\r\n\r\n")
                    self.close_connection = True
                else:
                    self.answer(404, b"no such path")

            do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = handle_any

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                # Clients that break off are what some tests are about.
                if not isinstance(sys.exc_info()[1], (ConnectionError, ssl.SSLError)):
                    super().handle_error(request, client_address)

        server = Server(("127.0.0.1", 0), Handler)
        if len(sys.argv) > 2:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(sys.argv[1], sys.argv[2])
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(server.server_address[1], flush=True)
        sys.stdin.read()
        if len(sys.argv) > 2:
            shutil.rmtree(os.path.dirname(sys.argv[1]))
        os._exit(0)
        """#
}
