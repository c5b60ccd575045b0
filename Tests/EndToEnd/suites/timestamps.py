"""Time-stamps of checkpoints (RFC 3161) by real authorities, and what renews them (RFC 4998).

Judged by `openssl ts -verify` and by PyPI's rfc3161-client, which know nothing of Strongroom.
"""

import hashlib
import json
import subprocess
import sys
import tarfile
import time

import rfc3161_client
from cryptography import x509
from harness import check, eventually
from harness.authority import Authority, openssl, verified

SECONDS = 30


class Site:
    """A server with authorities, each of which it knows by its CA."""

    def __init__(self, env, *authorities, trusted=None, before=90):
        self.env = env
        self.authorities = {authority.name: authority for authority in authorities}
        for authority in authorities:
            env.defer(authority.close)
        self.directory = env.init(height=8)
        self.key = env.key_of(self.directory)
        lines = [f"timestamps:\n  everyHours: 1\n  renewBeforeDays: {before}\n  authorities:"]
        for name, authority in self.authorities.items():
            ca = (trusted or {}).get(name, authority.ca)
            lines.append(f'    - {{name: {name}, url: "{authority.url}", caFile: {ca}}}')
        self.config = env.write("strongroom.yaml", "\n".join(lines) + "\n")
        self.server = None

    def serve(self):
        self.server = self.env.serve(self.directory, "--config", self.config)
        return self

    def run(self, *words, expect=0):
        return self.env.run(*words, "--server", self.server.url, expect=expect)

    def list(self):
        with self.server.client() as client:
            reply = client.get("/v1/timestamps?limit=1000")
        check(reply.status == 200, f"{reply}")
        return reply.json["timestamps"]

    def get(self, size, authority, form="token"):
        path = self.env.path(f"{size}.{authority}.{form}")
        self.run("timestamp", "get", size, authority, "--form", form, "-o", path)
        return path

    def put(self, name):
        with self.server.client() as client:
            check(client.put(name.encode(), name).status == 201, "an append was refused")

    def metrics(self):
        with self.server.client() as client:
            text = client.get("/metrics").body.decode()
        lines = [line.rsplit(" ", 1) for line in text.split("\n") if line.startswith("strong")]
        return {name: float(value) for name, value in lines}


def make(env, name, **options):
    return Authority(env.path(f"tsa-{name}"), name, **options)


def test_checkpoints_are_stamped_and_others_agree(env):
    site = Site(env, make(env, "one"), make(env, "two")).serve()
    # The schedule stamps what it finds at the start.
    eventually(lambda: {t["authority"] for t in site.list()} == {"one", "two"}, "nobody stamps")
    for number in range(3):
        site.put(f"evidence {number}")
    site.run("timestamp", "now")
    found = site.list()
    check(len(found) >= 4 and found[0]["size"] >= 4, f"{found}")
    again = site.run("timestamp", "now", "--json")
    check(site.list() == found, f"what is stamped is stamped again: {again.out}")
    for timestamp in found:
        size, name = timestamp["size"], timestamp["authority"]
        token, text = site.get(size, name), site.get(size, name, "text")
        note = site.get(size, name, "checkpoint")
        authority = site.authorities[name]
        check(note.read_bytes().startswith(text.read_bytes() + b"\n"), "another note")
        check(verified(token, text, authority.ca), f"openssl does not verify {timestamp}")
        other = site.authorities["two" if name == "one" else "one"]
        check(not verified(token, text, other.ca), "openssl trusts another CA")
        offline = ("timestamp", "verify", token, "--checkpoint", note, "--authority-ca")
        said = env.run(*offline, authority.ca, "--key", site.key)
        check(timestamp["time"] in said.out + said.err, f"{said.out}{said.err}")
        env.run(*offline, other.ca, "--key", site.key, expect=1)
        record = site.get(size, name, "evidence-record")
        env.run("timestamp", "verify", record, *offline[3:], authority.ca)
        changed = env.write("changed", note.read_bytes().replace(b"\n%d\n" % size, b"\n99\n"))
        env.run(*offline[:3], "--checkpoint", changed, "--authority-ca", authority.ca, expect=1)
        second_opinion(token, text, authority)
    listed = site.run("timestamp", "list").out.split("\n")
    check(len([line for line in listed if line]) == len(found), f"{listed}")
    metrics = site.metrics()
    check(metrics["strongroom_timestamps"] == len(found), f"{metrics}")
    check(metrics['strongroom_timestamp_failing{authority="one"}'] == 0, f"{metrics}")
    newest = metrics['strongroom_timestamp_newest_timestamp_seconds{authority="one"}']
    check(abs(newest - time.time()) < 86_400, f"{newest}")
    # A new process knows them all.
    site.server.terminate()
    site.serve()
    check(site.list()[-len(found):] == found, "a restart forgets time-stamps")


def second_opinion(token, text, authority):
    """PyPI's rfc3161-client: it wants a response, so the token is put into one."""
    der = token.read_bytes()
    body = bytes.fromhex("3003020100") + der
    length = len(body).to_bytes(2, "big")
    response = rfc3161_client.decode_timestamp_response(b"\x30\x82" + length + body)
    roots = x509.load_pem_x509_certificates(authority.ca.read_bytes())
    builder = rfc3161_client.VerifierBuilder()
    for root in roots:
        builder = builder.add_root_certificate(root)
    verifier = builder.build()
    digest = hashlib.sha256(text.read_bytes()).digest()
    check(verifier.verify(response, digest), "rfc3161-client does not verify")


def test_what_cannot_be_trusted_is_not_stored_and_stops_nothing(env):
    good, bad = make(env, "good"), make(env, "bad")
    site = Site(env, good, bad)
    bad.mode = "error"
    site.serve()
    eventually(lambda: site.list(), "nobody stamps")
    for mode, cause in (
        ("error", "status"),
        ("garbage", "malformed"),
        ("imprint", "imprint"),
        ("nonce", "nonce"),
    ):
        bad.mode = mode
        site.put(mode)
        said = json.loads(site.run("timestamp", "now", "--json", expect=5).out)
        check([t["authority"] for t in said["timestamps"]] == ["good"], f"{said}")
        check([f["cause"] for f in said["failed"]] == [cause], f"{mode}: {said}")
    check(all(t["authority"] == "good" for t in site.list()), f"{site.list()}")
    metrics = site.metrics()
    check(metrics['strongroom_timestamp_failing{authority="bad"}'] == 1, f"{metrics}")
    check(metrics['strongroom_timestamp_failures_total{authority="bad"}'] >= 5, f"{metrics}")
    check(any("timestamp.failed" in line for line in site.server.lines), site.server.log())
    # Silence: appends go on meanwhile, exports are made without its token.
    bad.mode = "silent"
    site.put("while it is silent")
    bundle = env.path("bundle.tar")
    site.run("export", "--collection", "payments", "-o", bundle)
    with tarfile.open(bundle) as archive:
        names = [name.split("/", 1)[1] for name in archive.getnames()]
    check("timestamps/good.tst" in names and "timestamps/bad.tst" not in names, f"{names}")
    bad.mode = "granted"
    site.run("timestamp", "now")
    check(site.metrics()['strongroom_timestamp_failing{authority="bad"}'] == 0, "still failing")


def test_another_ca_is_not_trusted(env):
    one, two = make(env, "one"), make(env, "two")
    env.defer(two.close)
    site = Site(env, one, trusted={"one": two.ca}).serve()
    said = json.loads(site.run("timestamp", "now", "--json", expect=5).out)
    check([f["cause"] for f in said["failed"]] == ["certificate"], f"{said}")
    check(site.list() == [], f"{site.list()}")


def test_one_token_renews_all_before_the_certificate_ends(env):
    site = Site(env, make(env, "tsa", days=20)).serve()
    tsa = site.authorities["tsa"]
    for number in range(7):
        site.put(f"evidence {number}")
        site.run("timestamp", "now")
    count = len(site.list())
    dry = site.run("renew", "--dry-run")
    check(len(dry.out.strip().split("\n")) == count, f"{dry.out}{dry.err}")
    # Its own certificate ends no later: nothing is renewed, and that is said.
    site.run("renew", expect=5)
    check(all(t["renewals"] == 0 for t in site.list()), f"{site.list()}")
    tsa.certify(3650)
    before = tsa.requests
    site.run("renew")
    check(tsa.requests == before + 1, f"{tsa.requests - before} tokens for {count}")
    check(all(t["renewals"] == 1 for t in site.list()), f"{site.list()}")
    site.run("renew", "--algorithm", "sha512")
    check(tsa.requests == before + 2, "one token for all, again")
    found = site.list()
    check(all((t["renewals"], t["digest"]) == (2, "sha512") for t in found), f"{found}")
    check(site.run("renew", "--dry-run", "--algorithm", "sha512").out == "", "still due")
    for timestamp in found:
        record = site.get(timestamp["size"], "tsa", "evidence-record")
        note = site.get(timestamp["size"], "tsa", "checkpoint")
        offline = ("timestamp", "verify", record, "--checkpoint", note, "--authority-ca", tsa.ca)
        env.run(*offline, "--key", site.key)
        judge(env, record.read_bytes(), site.get(timestamp["size"], "tsa", "text").read_bytes())
        changed = bytearray(record.read_bytes())
        changed[len(changed) // 2] ^= 1
        path = env.write("changed.ers", bytes(changed))
        env.run("timestamp", "verify", path, *offline[3:], expect=1)
    # In a year, when the first certificate has ended: the token alone is nothing, the record is.
    year = time.time() + 365 * 86_400
    token, text = site.get(found[0]["size"], "tsa"), site.get(found[0]["size"], "tsa", "text")
    check(verified(token, text, tsa.ca), "openssl does not verify the first token")
    check(not verified(token, text, tsa.ca, at=int(year)), "a certificate that has ended")


def judge(env, record, text):
    """Follows an evidence record by RFC 4998, apart from Strongroom; openssl verifies tokens."""

    def element(data):
        count, start = data[1], 2
        if count & 0x80:
            start += count & 0x7F
            count = int.from_bytes(data[2:start], "big")
        return data[start : start + count], data[: start + count], data[start + count :]

    def parts(data):
        found = []
        while data:
            _, whole, data = element(data)
            found.append(whole)
        return found

    inner = lambda whole: element(whole)[0]  # noqa: E731
    version, _, sequence = parts(inner(record))
    check(version == b"\x02\x01\x01", "another version")
    chains = parts(inner(sequence))
    algorithms = {b"\x01": hashlib.sha256, b"\x03": hashlib.sha512}
    for place, chain in enumerate(chains):
        older = b"".join(chains[:place])
        previous = None
        for stamp in parts(inner(chain)):
            fields = parts(inner(stamp))
            digest = algorithms[inner(parts(inner(fields[0]))[0])[-1:]]
            token = fields[-1]
            value = digest(text).digest()
            if previous:
                value = digest(previous).digest()
            elif place:
                size = len(older)
                head = b"\x30" + (
                    bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big")
                )
                value = digest(value + digest(head + older).digest()).digest()
            if len(fields) == 3:
                lists = [
                    [inner(octets) for octets in parts(inner(group))]
                    for group in parts(inner(fields[1]))
                ]
                check(value in lists[0], "the tree does not begin with what is renewed")
                value = b""
                for group in lists:
                    group = sorted(group + ([value] if value else []))
                    value = digest(b"".join(group)).digest()
            path = env.write("judged.tst", token)
            said = openssl("ts", "-reply", "-in", path, "-token_in", "-token_out", "-text")
            dump = "".join(
                line.split(" - ", 1)[1][:48].replace("-", " ").replace(" ", "")
                for line in said.split("Message data:")[1].split("Serial")[0].split("\n")
                if " - " in line
            )
            check(dump == value.hex(), f"the token covers {dump}, not {value.hex()}")
            previous = token


def test_a_bundle_has_tokens_that_everybody_can_check(env):
    site = Site(env, make(env, "one"), make(env, "two")).serve()
    for number in range(5):
        site.put(f"evidence {number}")
    bundle = env.path("bundle.tar")
    site.run("export", "--collection", "payments", "-o", bundle)
    verify = ("verify", bundle, "--key", site.key)
    said = env.run(*verify)
    check(said.out.count("time-stamp") == 2, f"{said.out}")
    one, two = site.authorities["one"], site.authorities["two"]
    env.run(*verify, "--authority-ca", one.ca, "--authority-ca", two.ca)
    env.run(*verify, "--authority-ca", one.ca, expect=1)
    with tarfile.open(bundle) as archive:
        archive.extractall(env.path("out"), filter="data")
    folder = next(env.path("out").iterdir())
    note = (folder / "checkpoint").read_bytes()
    text = env.write("text", note.split(b"\n\n")[0] + b"\n")
    for authority in (one, two):
        token = folder / "timestamps" / f"{authority.name}.tst"
        check(verified(token, text, authority.ca), "openssl does not verify a bundle's token")
    code, said = judged_by_python(folder, site.key)
    check(code == 0 and len(said["timestamps"]) == 2, f"{said}")
    for authority, told in zip((one, two), said["timestamps"]):
        words = told["verify"].replace("CA.pem", str(authority.ca)).split()
        result = subprocess.run(words, cwd=folder, capture_output=True, text=True)
        check("Verification: OK" in result.stdout, f"{words}: {result}")
    # A good token over something else, in a manifest that was made to fit.
    path = folder / "timestamps" / "one.tst"
    other = site.get(site.list()[-1]["size"], "one").read_bytes()
    old, new = (hashlib.sha256(data).hexdigest() for data in (path.read_bytes(), other))
    check(old != new, "the first checkpoint is that of the bundle")
    path.write_bytes(other)
    manifest = folder / "tagmanifest-sha256.txt"
    manifest.write_text(manifest.read_text().replace(old, new))
    code, said = judged_by_python(folder, site.key)
    check(code == 1, f"{said}")
    check({finding["file"] for finding in said["findings"]} == {"timestamps/one.tst"}, f"{said}")


def judged_by_python(folder, key):
    words = [sys.executable, "-I", folder / "verify.py", "--json", "--key", key, folder]
    result = subprocess.run(words, capture_output=True, text=True)
    return result.returncode, json.loads(result.stdout)
