"""Signatures of AWS Signature Version 4, by botocore.

`cases.json` has the requests of AWS's published test suite, by the names that they have there; each
of those signatures came out as it was published. `random.tsv` has drawn requests to S3: the same
seed draws the same ones.
"""

import datetime
import hashlib
import json
import random
from urllib.parse import quote

import botocore
import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

SOURCE = f"botocore {botocore.__version__}; scripts/vectors/sigv4_vectors.py"
SUITE_KEY = ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
SUITE_TIME = 1_440_938_160  # 2015-08-30T12:36:00Z
HOST = "example.amazonaws.com"
FORM = "application/x-www-form-urlencoded"
UNRESERVED = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
STS_TOKEN = (
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpS"
    "PfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQD"
    "YwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scq"
    "Kmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)

# name: method, path, query, fields, body, session token
SUITE = {
    "get-header-key-duplicate": (
        "GET", "/", [],
        [("My-Header1", "value2"), ("My-Header1", "value2"), ("My-Header1", "value1")], "", None,
    ),
    "get-header-value-order": (
        "GET", "/", [],
        [("My-Header1", v) for v in ("value4", "value1", "value3", "value2")], "", None,
    ),
    "get-header-value-trim": (
        "GET", "/", [], [("My-Header1", " value1"), ("My-Header2", ' "a   b   c"')], "", None,
    ),
    "get-relative-unnormalized": ("GET", "/example/..", [], [], "", None),
    "get-relative-relative-unnormalized": ("GET", "/example1/example2/../..", [], [], "", None),
    "get-slash-dot-slash-unnormalized": ("GET", "/./", [], [], "", None),
    "get-slash-pointless-dot-unnormalized": ("GET", "/./example", [], [], "", None),
    "get-slash-unnormalized": ("GET", "//", [], [], "", None),
    "get-slashes-unnormalized": ("GET", "//example//", [], [], "", None),
    "get-space-unnormalized": ("GET", "/example space/", [], [], "", None),
    "get-unreserved": ("GET", "/" + UNRESERVED, [], [], "", None),
    "get-utf8": ("GET", "/\u1234", [], [], "", None),
    "get-vanilla": ("GET", "/", [], [], "", None),
    "get-vanilla-empty-query-key": ("GET", "/", [("Param1", "value1")], [], "", None),
    "get-vanilla-query": ("GET", "/", [], [], "", None),
    "get-vanilla-query-order-encoded": (
        "GET", "/", [("Param-3", "Value3"), ("Param", "Value2"), ("\u1234", "Value1")],
        [], "", None,
    ),
    "get-vanilla-query-order-key-case": (
        "GET", "/", [("Param2", "value2"), ("Param1", "value1")], [], "", None,
    ),
    "get-vanilla-query-unreserved": ("GET", "/", [(UNRESERVED, UNRESERVED)], [], "", None),
    "get-vanilla-utf8-query": ("GET", "/", [("\u1234", "bar")], [], "", None),
    "get-vanilla-with-session-token": (
        "GET", "/", [], [], "", "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267",
    ),
    "post-header-key-case": ("POST", "/", [], [], "", None),
    "post-header-key-sort": ("POST", "/", [], [("My-Header1", "value1")], "", None),
    "post-header-value-case": ("POST", "/", [], [("My-Header1", "VALUE1")], "", None),
    "post-sts-header-before": ("POST", "/", [], [], "", STS_TOKEN),
    "post-vanilla": ("POST", "/", [], [], "", None),
    "post-vanilla-empty-query-value": ("POST", "/", [("Param1", "value1")], [], "", None),
    "post-vanilla-query": ("POST", "/", [("Param1", "value1")], [], "", None),
    "post-x-www-form-urlencoded": (
        "POST", "/", [], [("Content-Type", FORM), ("Content-Length", "13")], "Param1=value1", None,
    ),
    "post-x-www-form-urlencoded-parameters": (
        "POST", "/", [], [("Content-Type", FORM + "; charset=utf-8"), ("Content-Length", "13")],
        "Param1=value1", None,
    ),
}
NORMALIZING = "the path is normalised, which S3 does not do"
SKIPPED = {
    "get-header-value-multiline": "a folded field, which RFC 9112 section 5.2 forbids to send",
    "get-relative-normalized": NORMALIZING,
    "get-relative-relative-normalized": NORMALIZING,
    "get-slash-dot-slash-normalized": NORMALIZING,
    "get-slash-normalized": NORMALIZING,
    "get-slash-pointless-dot-normalized": NORMALIZING,
    "get-slashes-normalized": NORMALIZING,
    "get-space-normalized": "the path is encoded twice, which S3 does not do",
    "post-sts-header-after": "the session token is added after signing; it is always signed here",
}


class SuiteAuth(botocore.auth.SigV4Auth):
    """Any service's signature, with the path as S3 has it: encoded once, not normalised."""

    _normalize_url_path = botocore.auth.S3SigV4Auth._normalize_url_path


class SuiteQueryAuth(botocore.auth.SigV4QueryAuth):
    _normalize_url_path = botocore.auth.S3SigV4Auth._normalize_url_path


def aws_request(method, host, path, query, fields, body):
    # Plain http: or botocore leaves the body of some requests out of the signature.
    url = f"http://{host}{quote(path, safe='/~')}"
    if query:
        url += "?" + "&".join(f"{quote(n, safe='-_.~')}={quote(v, safe='-_.~')}" for n, v in query)
    request = AWSRequest(method=method, url=url, data=body)
    for name, value in fields:
        request.headers.add_header(name, value)
    return request


def at(seconds):
    """Makes botocore take this for the time."""
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    botocore.auth.get_current_datetime = lambda *_: moment


def suite_case(name):
    method, path, query, fields, body, token = SUITE[name]
    credentials = Credentials(*SUITE_KEY, token)
    at(SUITE_TIME)
    request = aws_request(method, HOST, path, query, fields, body.encode())
    if body:
        request.headers["X-Amz-Content-SHA256"] = hashlib.sha256(body.encode()).hexdigest()
    signer = SuiteAuth(credentials, "service", "us-east-1")
    signer.add_auth(request)
    del request.headers["Authorization"]
    canonical = signer.canonical_request(request)
    text = signer.string_to_sign(request, canonical)
    presigned = aws_request(method, HOST, path, query, fields, b"")
    SuiteQueryAuth(credentials, "service", "us-east-1", expires=3600).add_auth(presigned)
    return {
        "name": name,
        "method": method,
        "path": path,
        "query": query,
        "fields": fields,
        "body": body,
        "token": token,
        "canonicalRequest": canonical,
        "stringToSign": text,
        "signature": signer.signature(text, request),
        # botocore puts a body into the query of the URL.
        "presignedSignature": None if body else presigned.url.rpartition("X-Amz-Signature=")[2],
    }


# --- drawn requests -------------------------------------------------------------------------------

COUNT = 3_000
WORDS = (
    "packs", "log", "tile", "x001", "journal", "0-41.tar.zst", "COMPLIANCE", "2033-11-22T00:00:00Z",
    "a b", "..", ".", "", "%41", "+", "caf\u00e9", "cafe\u0301", "\u1234", "\U0001f512", "#", "?",
    "=", "&", "~", "'", '"', "\\", "\x01", "\n", ":@", "!$()*,;", "UP", "\x7f",
)
QUERIES = (
    "versions", "uploads", "retention", "legal-hold", "versionId", "uploadId", "partNumber",
    "prefix", "key-marker", "version-id-marker", "list-type", "encoding-type", "a b", "\u1234", "",
)
FIELDS = (
    "if-none-match", "If-Match", "content-md5", "x-amz-checksum-sha256", "x-amz-object-lock-mode",
    "X-Amz-Object-Lock-Retain-Until-Date", "range", "content-type", "x-amz-meta-a", "x-amz-meta-b",
)
PRINTABLE = "".join(chr(code) for code in range(0x20, 0x7F))


def draw_text(chance):
    return "".join(chance.choice(WORDS) for _ in range(chance.randrange(3)))


def draw_value(chance):
    text = "".join(chance.choice(PRINTABLE) for _ in range(chance.randrange(1, 12)))
    return chance.choice((text, f"  {text} ", text.replace(text[0], "   "), "*"))


def draw(chance):
    path = "/" + "/".join(draw_text(chance) for _ in range(chance.randrange(1, 4)))
    query = [
        (chance.choice(QUERIES), draw_text(chance)) for _ in range(chance.choice((0, 0, 1, 2, 4)))
    ]
    fields = [(n, draw_value(chance)) for n in chance.sample(FIELDS, chance.randrange(4))]
    lifetime = chance.choice((0, 0, 0, 1, 3_600, 604_800))
    if lifetime:
        query = list(dict(query).items())  # in URLs botocore keeps one item of a name
    host = chance.choice(
        ("s3.eu-central-1.amazonaws.com", "bucket.s3.amazonaws.com", "127.0.0.1:18000", "h:8333")
    )
    return {
        "method": chance.choice(("GET", "PUT", "HEAD", "DELETE", "POST")),
        "host": host,
        "path": path,
        "query": query,
        "fields": fields,
        "body": draw_text(chance),
        "key": "AK" + "".join(chance.choice("ABCDEFGH234567") for _ in range(6)),
        "secret": "".join(chance.choice(PRINTABLE[1:]) for _ in range(chance.choice((1, 40, 70)))),
        "token": chance.choice((None, None, "".join(chance.choices(PRINTABLE[1:], k=20)))),
        "region": chance.choice(("us-east-1", "eu-central-1", "default")),
        "time": chance.randrange(253_402_300_800),
        "lifetime": lifetime,
    }


def signature(request):
    """Of the fields, or with a lifetime of the presigned URL."""
    credentials = Credentials(request["key"], request["secret"], request["token"])
    body = b"" if request["lifetime"] else request["body"].encode()
    aws = aws_request(*(request[n] for n in ("method", "host", "path", "query", "fields")), body)
    at(request["time"])
    if request["lifetime"] == 0:
        botocore.auth.S3SigV4Auth(credentials, "s3", request["region"]).add_auth(aws)
        return aws.headers["Authorization"].rpartition("Signature=")[2]
    botocore.auth.S3SigV4QueryAuth(
        credentials, "s3", request["region"], expires=request["lifetime"]
    ).add_auth(aws)
    return aws.url.rpartition("X-Amz-Signature=")[2]


COLUMNS = (
    "method", "host", "path", "query", "fields", "body", "key", "secret", "token", "region", "time",
    "lifetime",
)


def random_rows():
    chance = random.Random("strongroom/sigv4")
    yield "\t".join((*COLUMNS, "signature"))
    for _ in range(COUNT):
        request = draw(chance)
        cells = [json.dumps(request[name], separators=(",", ":")) for name in COLUMNS]
        yield "\t".join((*cells, signature(request)))


def check_published_values():
    """The examples of the Amazon S3 API Reference, "Signature Calculations"."""
    at(1_369_353_600)
    keys = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    host = "examplebucket.s3.amazonaws.com"
    examples = (
        (
            aws_request("GET", host, "/test.txt", [], [("Range", "bytes=0-9")], b""),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            aws_request("GET", host, "/", [("lifecycle", "")], [], b""),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            aws_request("GET", host, "/", [("max-keys", "2"), ("prefix", "J")], [], b""),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    )
    for request, published in examples:
        botocore.auth.S3SigV4Auth(keys, "s3", "us-east-1").add_auth(request)
        assert request.headers["Authorization"].endswith(published)
    vanilla = suite_case("get-vanilla")["signature"]
    assert vanilla == "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"


def build():
    check_published_values()
    cases = {
        "source": SOURCE,
        "accessKey": SUITE_KEY[0],
        "secretKey": SUITE_KEY[1],
        "time": SUITE_TIME,
        "host": HOST,
        "skipped": SKIPPED,
        "cases": [suite_case(name) for name in SUITE],
    }
    rows = "\n".join(random_rows()) + "\n"
    return {
        "sigv4/cases.json": json.dumps(cases, indent=1, ensure_ascii=True) + "\n",
        "sigv4/random.tsv": rows,
    }
