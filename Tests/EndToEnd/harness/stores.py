"""S3 stores of the tests: those that run for all of them, and those that a test may kill."""

import http.client
import json
import os
import subprocess
import sys
import time
import urllib.parse

from bucket_copy import Copy
from bucket_locks import NOT_NEEDED
from bucket_source import BucketSource, client

from .environment import Skip
from .waiting import PATIENCE_SECONDS, check, settled

RIGS = __file__.rsplit("/", 4)[0] + "/scripts/rigs"
sys.path.insert(0, RIGS)

import stores as rigs  # noqa: E402

NAMES = tuple(rigs.STORES)


class S3Store:
    """Where a store is and its keys."""

    def __init__(self, name, endpoint):
        self.name, self.endpoint = name, endpoint
        self.access_key, self.secret_key = rigs.ACCESS_KEY, rigs.SECRET_KEY
        self.region = rigs.REGION
        self.client = client(endpoint, self.region, self.access_key, self.secret_key)

    @property
    def port(self):
        return urllib.parse.urlsplit(self.endpoint).port

    def bucket(self, env, lock=True):
        """A new bucket with Object Lock, or without."""
        name = f"e2e-{env.random.randbytes(3).hex()}-{os.urandom(4).hex()}"
        self.client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=lock)
        return Bucket(self, name)

    def credentials(self, env, **changes):
        """The environment of a server: shared files, one profile that writes and one that deletes.

        `changes`: of the members of the profile that writes.
        """
        profile = {
            "aws_access_key_id": self.access_key,
            "aws_secret_access_key": self.secret_key,
            **changes,
        }
        text = ""
        for name, members in (("default", profile), ("retention", profile)):
            rows = "".join(f"{key} = {value}\n" for key, value in members.items())
            text += f"[{name}]\n{rows}"
        path = env.write(f"credentials-{self.name}", text)
        path.chmod(0o600)
        return {**NO_CREDENTIALS, "AWS_SHARED_CREDENTIALS_FILE": str(path)}


# What the machine may have set is not meant for tests.
for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
NO_CREDENTIALS = {
    "AWS_CONFIG_FILE": "/nonexistent/config",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent/credentials",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def shared(name):
    """A store that runs for all tests; its buckets are not shared."""
    texts = os.environ.get("STRONGROOM_S3_ENDPOINTS", "").split()
    endpoints = dict(text.split("=", 1) for text in texts)
    if name not in endpoints:
        raise Skip(f"no store {name}: STRONGROOM_S3_ENDPOINTS is {' '.join(texts) or 'not set'}")
    return S3Store(name, endpoints[name])


def own(env, name="seaweedfs", folder=None):
    """A store of this test alone, with `process`, which can be killed and started again."""
    try:
        process = rigs.STORES[name](folder or env.path(f"store-{name}"))
        env.enter(process)
    except rigs.RigError as error:
        raise Skip(f"{name} does not come up: {error}") from error
    store = S3Store(name, process.endpoint)
    store.process = process
    return store


class Bucket:
    """A bucket, and what the second opinion and the tools say of it."""

    def __init__(self, store, name):
        self.store, self.name, self.client = store, name, store.client

    def source(self, prefix=""):
        return BucketSource(self.client, self.name, prefix)

    def copy(self, key, target="second", prefix="", **options):
        """The second opinion; fails with its first findings.

        A hold that has ended is lifted a moment later; no status tells of it, so it is waited for.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            copy = Copy(self.source(prefix), key, target, **options).check()
            found = copy.findings
            if not found or time.monotonic() > deadline:
                break
            if not all(text.endswith(NOT_NEEDED) for text in found):
                break
            time.sleep(0.5)
        check(not found, lambda: f"{len(found)} findings in the bucket: " + "; ".join(found[:6]))
        return copy

    def versions(self, prefix=""):
        """Every version and delete marker whose key begins so, as `bucket_source.Version`."""
        folder = prefix[: prefix.rfind("/") + 1]
        return [v for v in self.source().versions(folder) if v.key.startswith(prefix)]

    def quiet_versions(self, prefix=""):
        """The keys and versions, once nothing changes any more: a server that was killed may have
        sent a request that the store still answers.
        """
        return settled(
            lambda: {(v.key, v.version) for v in self.versions(prefix)}, "the bucket never rests"
        )

    def keys(self, prefix=""):
        return sorted({version.key for version in self.versions(prefix)})

    def get(self, key, version=None):
        extra = {"VersionId": version} if version else {}
        return self.client.get_object(Bucket=self.name, Key=key, **extra)["Body"].read()

    def put(self, key, data, **options):
        return self.client.put_object(Bucket=self.name, Key=key, Body=data, **options)["VersionId"]

    def aws(self, *arguments, expect=0):
        """The `aws s3api` of Debian, on this bucket; its JSON."""
        result = subprocess.run(
            ["/usr/bin/aws", "--endpoint-url", self.store.endpoint, "s3api", arguments[0],
             "--bucket", self.name, *arguments[1:]],
            capture_output=True, text=True, timeout=300, check=False,
            env={**os.environ, **NO_CREDENTIALS, "AWS_DEFAULT_REGION": self.store.region,
                 "AWS_ACCESS_KEY_ID": self.store.access_key,
                 "AWS_SECRET_ACCESS_KEY": self.store.secret_key},
        )  # fmt: skip
        failed = result.returncode != 0
        check(failed == bool(expect), lambda: f"aws {arguments}: {result.stdout}{result.stderr}")
        return result.stderr if failed else json.loads(result.stdout or "{}")


class FaultProxy:
    """scripts/rigs/fault_proxy.py in front of a store."""

    def __init__(self, env, store):
        self.process = subprocess.Popen(
            [sys.executable, f"{RIGS}/fault_proxy.py", str(store.port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        env.defer(self.stop)
        self.port, self.orders = map(int, self.process.stdout.readline().split())

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(PATIENCE_SECONDS)

    def order(self, method, target, value=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.orders, timeout=PATIENCE_SECONDS)
        try:
            connection.request(method, target, json.dumps(value) if value is not None else None)
            reply = connection.getresponse()
            text = reply.read()
            check(reply.status == 200, lambda: f"{method} {target}: {reply.status} {text}")
            return json.loads(text)
        finally:
            connection.close()

    def rules(self, *rules):
        """Replaces the rules; see the top of the proxy's file."""
        return self.order("PUT", "/rules", list(rules))

    def log(self):
        return self.order("GET", "/log")

    def forget(self):
        self.order("DELETE", "/log")
