"""Whatever is wrong with a bucket is said at `target add`, before a record is written."""

import datetime
import http.server
import threading

from harness import cases, check, eventually, stores, within_a_day
from harness.faketime import faked
from harness.site import Site
from harness.world import done, refused

SECONDS = 50
STORES = stores.NAMES
UNSUITABLE = ("target-unsuitable", "target-unavailable")


class Scripted:
    """Answers every request as Amazon would in a case that no store here knows."""

    def __init__(self, env, status, code, headers=(), extra=""):
        text = f"<Error><Code>{code}</Code><Message>as told</Message>{extra}</Error>".encode()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/xml")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(text)

            do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        env.defer(self.server.shutdown)
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"


def refuse(site, *words, endpoint=None, **changes):
    """`target add` fails with these words, and nothing was written, here or there."""
    size = site.auditor.tree_size()
    value = {**site.description, **({"endpoint": endpoint} if endpoint else {}), **changes}
    reply = refused(site.boss.post("/v1/targets", **value), status=(409, 422, 503))
    check(reply.problem in UNSUITABLE, lambda: f"{reply}")
    said = reply.detail.lower()
    check(all(word.lower() in said for word in words), lambda: f"{words} are not in: {said}")
    check(site.bucket.store.secret_key not in reply.body.decode(), "the secret key is shown")
    check(site.auditor.tree_size() == size, "a record was written")
    check(site.auditor.get("/v1/targets").json["targets"] == [], "it is listed")
    return reply


def no_copy(bucket):
    found = [key for key in bucket.keys() if not key.startswith("probe/")]
    check(not found, f"it has written {found[:4]}")


@cases(*stores.NAMES)
def test_a_bucket_that_will_not_do(env, name):
    store = stores.shared(name)
    good = store.bucket(env)
    site = Site(env, good, add=False)
    refuse(site, "bucket", bucket=good.name + "-not-there")
    refuse(site, "object lock", bucket=store.bucket(env, lock=False).name)
    ruled = store.bucket(env)
    ruled.client.put_object_lock_configuration(
        Bucket=ruled.name,
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 5}},
        },
    )
    refuse(site, "default retention", bucket=ruled.name)
    no_copy(ruled)
    plain = store.bucket(env, lock=False)
    plain.client.put_bucket_versioning(
        Bucket=plain.name, VersioningConfiguration={"Status": "Suspended"}
    )
    refuse(site, "version", bucket=plain.name)
    refuse(site, "reach", endpoint="http://127.0.0.1:1")
    place = ("--bucket", ruled.name, "--endpoint", store.endpoint, "--region", store.region)
    result = site.command("target", "add", "x", *place, "--path-style", expect=4)
    check("default retention" in result.err.lower(), result.err)
    # After all of this the good one is taken.
    site.add()
    site.put()
    site.wait()
    site.copy()
    site.end()


@cases(*stores.NAMES)
def test_credentials_that_will_not_do(env, name):
    store = stores.shared(name)
    bucket = store.bucket(env)
    keys = {
        "wrong-secret": {"aws_secret_access_key": "not/the/secret"},
        "unknown": {"aws_access_key_id": "NOBODYSKEY"},
    }
    for what, changes in keys.items():
        credentials = store.credentials(env, **changes)
        site = Site(
            env, bucket, add=False, credentials=credentials, names=(), at=env.path(f"data-{what}")
        )
        refuse(site, "key", "environment")
        site.stop()
    nobody = {**stores.NO_CREDENTIALS}
    site = Site(env, bucket, add=False, credentials=nobody, names=(), at=env.path("data-none"))
    refuse(site, "credentials")
    refuse(site, "profile", "nobody", profile="nobody")
    no_copy(bucket)


def test_clocks_that_differ(env):
    """Our machine is an hour ahead of the store."""
    store = stores.shared("seaweedfs")
    bucket = store.bucket(env)
    site = Site(env, bucket, add=False, names=(), faked=faked("+1h"))
    refuse(site, "clock")
    no_copy(bucket)


@cases("region", "expired", "skew")
def test_what_amazon_alone_says(env, what):
    status, code, headers, extra, words = {
        "region": (400, "AuthorizationHeaderMalformed", [("x-amz-bucket-region", "eu-west-3")],
                   "<Region>eu-west-3</Region>", ("eu-west-3",)),
        "expired": (400, "ExpiredToken", [], "", ("expired",)),
        "skew": (403, "RequestTimeTooSkewed", [], "", ("clock",)),
    }[what]  # fmt: skip
    scripted = Scripted(env, status, code, headers, extra)
    store = stores.S3Store("scripted", scripted.endpoint)
    site = Site(env, stores.Bucket(store, "some-bucket"), add=False, names=())
    refuse(site, *words)


def test_a_bucket_that_belongs_to_another_log(env):
    bucket = stores.shared("seaweedfs").bucket(env)
    first = Site(env, bucket, names=(), at=env.path("first"), origin="log.example/first")
    first.put("ours")
    first.wait()
    before = {(v.key, v.version) for v in bucket.versions()}
    other = Site(
        env, bucket, names=(), at=env.path("other"), origin="log.example/other", add=False
    )
    refuse(other, "log.example/first")
    # Our own log, but of another tree: made again under the same origin.
    again = Site(
        env, bucket, names=(), at=env.path("again"), origin="log.example/first", add=False
    )
    refuse(again, "same origin", "signature")
    found = {(v.key, v.version) for v in bucket.versions() if not v.key.startswith("probe/")}
    check(found == {row for row in before if not row[0].startswith("probe/")}, "it was changed")
    # Two logs may share a bucket under two prefixes.
    other.prefix = "other/"
    other.add()
    other.put("theirs")
    other.wait()
    other.copy()
    first.put("more")
    first.wait()
    eventually(lambda: first.status()["health"] == "running", lambda: f"{first.status()}")
    first.stop()
    other.stop()


def test_a_target_with_records_from_before(env):
    """A log that is a year old gets a second copy: all of it goes there."""
    within_a_day()
    today = f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d}"
    bucket = stores.shared("radosgw").bucket(env)
    site = Site(env, bucket, names=(), height=8, add=False)
    done(site.boss.set_policy("vault", {"mode": "COMPLIANCE", "minimum": "1s", "default": "30d",
                                        "maximum": "100y", "sealed": True}))  # fmt: skip
    for number in range(700):
        site.put(f"old/{number}", "vault" if number % 3 else "payments", retain="30d")
    gone, _ = site.put("gone", retain="1s")
    site.wait_until_released(gone)
    done(site.keeper.erase(records=[gone]))
    site.put("large", body=b"x" * 1_500_000)
    site.add()
    site.wait()
    copy = site.copy()
    check(copy.kinds["entries"] >= 2 and copy.kinds["payload"] == 1, f"{copy.kinds}")
    check(not copy.unpurged or gone not in copy.unpurged, f"{copy.unpurged}")
    site.stop()
    state = bucket.keys("state/")
    check(not state or any(today in key for key in state), f"{state}")
