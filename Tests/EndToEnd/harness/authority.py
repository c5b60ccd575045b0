"""A time-stamping authority: `openssl ts` behind a small HTTP server, with a CA of its own.

It can be told to be late with certificates, to lie and to fall silent; `mode` says what it does.
"""

import http.server
import pathlib
import subprocess
import threading

CONFIGURATION = """
[tsa]
serial = {folder}/serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
clock_precision_digits = 3
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""
KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def openssl(*words):
    result = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True)
    if result.returncode != 0:
        raise AssertionError(f"openssl {words[0]}: {result.stderr}")
    return result.stdout


class Authority:
    def __init__(self, folder, name, days=3650):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        self.name = name
        # "granted"; or "nonce", "imprint": an answer to another question; "garbage", "error";
        # "silent": the request is read and never answered.
        self.mode = "granted"
        self.requests = 0
        self._serials = 100
        (self.folder / "tsa.cnf").write_text(CONFIGURATION.format(folder=self.folder))
        (self.folder / "serial").write_text("01\n")
        self._request("ca", f"/CN={name} CA")
        (self.folder / "ca.ext").write_text("basicConstraints=critical,CA:TRUE\n")
        openssl(
            *("x509", "-req", "-in", self.folder / "ca.csr", "-signkey", self.folder / "ca.key"),
            *("-days", 36500, "-extfile", self.folder / "ca.ext", "-out", self.ca),
        )
        self.certify(days)
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    @property
    def ca(self):
        return self.folder / "ca.pem"

    def certify(self, days):
        """A new key and certificate for stamping, valid for so many days."""
        self._serials += 1
        self._request("tsa", f"/CN={self.name} TSA {self._serials}")
        (self.folder / "tsa.ext").write_text("extendedKeyUsage=critical,timeStamping\n")
        openssl(
            *("x509", "-req", "-in", self.folder / "tsa.csr", "-CA", self.ca),
            *("-CAkey", self.folder / "ca.key", "-set_serial", self._serials, "-days", days),
            *("-extfile", self.folder / "tsa.ext", "-out", self.folder / "tsa.pem"),
        )

    def _request(self, file, subject):
        openssl(
            *("req", "-new", *KEY, "-keyout", self.folder / f"{file}.key"),
            *("-out", self.folder / f"{file}.csr", "-subj", subject),
        )

    def close(self):
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, query):
        """The response of `openssl ts` to a request."""
        with self._lock:
            self.requests += 1
            number = self.requests
            asked, answered = self.folder / f"{number}.tsq", self.folder / f"{number}.tsr"
            asked.write_bytes(query)
            if self.mode in ("nonce", "imprint"):
                place = query.index(b"\x04\x20") + 2
                imprint = query[place : place + 32] if self.mode == "nonce" else bytes(32)
                words = ("-digest", imprint.hex())
                openssl("ts", "-query", *words, "-sha256", "-cert", "-out", asked)
            openssl(
                *("ts", "-reply", "-config", self.folder / "tsa.cnf", "-section", "tsa"),
                *("-queryfile", asked, "-out", answered, "-inkey", self.folder / "tsa.key"),
                # Without the CA's: `openssl ts` does not put several in order, as DER wants.
                *("-signer", self.folder / "tsa.pem"),
            )
            return answered.read_bytes()

    def _handler(self):
        authority = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                kind = self.headers["Content-Type"]
                mode = authority.mode
                if mode == "silent":
                    authority._ended.wait()
                    return
                if mode == "error" or kind != "application/timestamp-query":
                    self.reply(500, b"out of order", "text/plain")
                elif mode == "garbage":
                    self.reply(200, b"<html>not a time-stamp</html>", "text/html")
                else:
                    self.reply(200, authority.answer(body), "application/timestamp-reply")

            def reply(self, status, body, kind):
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler


def verified(token, text, ca, at=None):
    """What `openssl ts -verify` says of a token (files)."""
    words = ["-attime", str(at)] if at else []
    result = subprocess.run(
        ["openssl", "ts", "-verify", "-token_in", "-in", str(token), "-data", str(text)]
        + ["-CAfile", str(ca), *words],
        capture_output=True,
        text=True,
    )
    return result.returncode == 0 and "Verification: OK" in result.stdout
