"""What a pipeline and an auditor do on a good day, with the real binary."""

import json
import os

from harness import cases, check, settings
from harness.client import content_digest
from harness.environment import ORIGIN
from harness.workload import payload
from verify_receipt import verify_receipt

SECONDS = 10


def start(env, *arguments, **options):
    data = env.init(**options)
    server = env.serve(data, *arguments)
    return server, env.key_of(data)


def test_init_makes_an_empty_log_and_refuses_a_full_directory(env):
    result = env.run("init", env.path("data"), "--origin", ORIGIN)
    key = env.key_of(env.path("data"))
    check(key in result.out, f"init does not print the verifier key {key}:\n{result.out}")
    check(key.startswith(ORIGIN + "+"), key)
    mode = env.path("data", "log.key").stat().st_mode & 0o777
    check(mode == 0o600, f"log.key has mode {mode:o}")
    check("trial" in (result.out + result.err).lower(), "init does not say what log.key is for")
    env.run("init", env.path("data"), "--origin", ORIGIN, expect=(2, 4))
    env.fsck(env.path("data"))


def test_push_gives_a_receipt_that_others_accept(env):
    server, key = start(env)
    with server.client() as client:
        body = payload(1, 5000)
        reply = client.put(
            body,
            "sprint6/metrics.json",
            labels={"sprint": "6", "team": "pay"},
            headers={"Content-Type": "application/json", "Content-Digest": content_digest(body)},
        )
        check(reply.status == 201, f"{reply}")
        check(reply.headers["Location"] == "/v1/records/1", reply.headers["Location"])
        check(reply.headers.get("Strongroom-Request-Id"), "no Strongroom-Request-Id")
        receipt = verify_receipt(reply.body, key, body)
        record = receipt["_record"]
        check(record["kind"] == "evidence" and record["collection"] == "payments", f"{record}")
        check(record["name"] == "sprint6/metrics.json", f"{record}")
        check(record["labels"] == {"sprint": "6", "team": "pay"}, f"{record}")
        check(record["mediaType"] == "application/json", f"{record}")
        check(record["lock"]["mode"] == "COMPLIANCE", f"{record}")
        check(record["lock"]["until"].endswith("T00:00:00Z"), "7 years are rounded to a day")
        check(record["sequence"] in (0, 1), f"{record}")
        check(client.record(1).body == receipt["record"].encode(), "the record differs")
        back = client.payload(1)
        check(back.body == body, "the payload differs")
        check(back.headers["Content-Type"] == "application/json", f"{back.headers}")
        check(back.headers.get("ETag"), "no ETag")
        check(back.headers.get("Repr-Digest") == content_digest(body), f"{back.headers}")
    check(server.terminate() == 0, "SIGTERM did not end it with 0")
    env.fsck(server.directory)


@cases(0, 1, 100, 65_536, 1_048_576, 1_048_577, 5_000_000)
def test_a_payload_of_this_many_bytes_comes_back(env, size):
    server, key = start(env)
    body = payload(size, size)
    with server.client() as client:
        reply = client.put(body, "f")
        check(reply.status == 201, f"{reply}")
        verify_receipt(reply.body, key, body)
        check(client.payload(1).body == body, "it differs")
        head = client.request("HEAD", "/v1/records/1/payload")
        check(int(head.headers["Content-Length"]) == size, f"{head.headers}")
        if size > 100:
            part = client.payload(1, {"Range": f"bytes={size // 2}-{size // 2 + 9}"})
            check(part.status == 206 and part.body == body[size // 2 :][:10], f"{part}")
            check(
                part.headers["Content-Range"] == f"bytes {size // 2}-{size // 2 + 9}/{size}",
                f"{part.headers}",
            )
            part = client.payload(1, {"Range": "bytes=-7"})
            check(part.status == 206 and part.body == body[-7:], f"{part}")
            part = client.payload(1, {"Range": f"bytes={size}-"})
            check(part.status == 416, f"{part}")
    server.terminate()
    env.fsck(server.directory)


def test_the_command_line_does_the_whole_round(env):
    server, key = start(env)
    env.write("in/a.txt", "first\n")
    env.write("in/deep/b.bin", payload(7, 2_000_000))
    env.write("in/deep/empty", b"")
    url = ("--server", server.url)
    result = env.run("put", "in", "--collection", "docs", "--label", "x=1", "--receipts", "r", *url)
    lines = result.out.strip().split("\n")
    check(len(lines) == 3, f"three files, but:\n{result.out}")
    for name in ("a.txt", "deep/b.bin", "deep/empty"):
        found = [line for line in lines if name in line.split()]
        check(len(found) == 1, f"{name} is not named in\n{result.out}")
        index = found[0].split()[0]
        receipt = env.path("r", name + ".receipt.json")
        body = env.path("in", name).read_bytes()
        verify_receipt(receipt.read_bytes(), key, body)
        env.run("verify", env.path("in", name), "--receipt", receipt, "--key", key)
        env.run("get", index, "-o", "out", *url)
        check(env.path("out").read_bytes() == body, f"{name} came back changed")
        env.path("out").unlink()
        env.run("prove", index, "-o", "fresh.json", *url)
        verify_receipt(env.path("fresh.json").read_bytes(), key, body)
        env.run("verify", "--receipt", "fresh.json", "--key", key)
        shown = env.run("show", index, *url).out
        check(name in shown and "COMPLIANCE" in shown, shown)
    size = env.run("list", "--collection", "docs", *url).out.strip().split("\n")
    check(len(size) == 3, f"{size}")
    again = env.run("put", "in", "--collection", "docs", "--label", "x=1", *url)
    with server.client() as client:
        check(client.tree_size() == 4, "a second run of put added records")
    check(
        "unchanged" in again.out + again.err or "already" in again.out + again.err,
        f"the second run does not say that nothing was new:\n{again.out}{again.err}",
    )
    env.run("put", "-", "--collection", "docs", *url, expect=2)
    env.run("put", "-", "--name", "piped", "--collection", "docs", *url, stdin=b"from a pipe")
    env.write("key.txt", key + "\n")
    env.run("consistency", "--from", 2, "--to", 5, "--key", "key.txt", *url)
    env.run("get", 99, "-o", "never", *url, expect=3)
    check(not env.path("never").exists(), "get left a file for a record that is not there")
    proof = env.run("prove", 1, "--format", "tlog-proof", *url).out
    check(proof.startswith("c2sp.org/tlog-proof@v1\n"), proof[:80])
    server.terminate()
    env.fsck(server.directory)


def test_many_small_files_go_in_fast_and_come_back(env):
    server, key = start(env)
    count = 10_000 if settings.soak else 2_000
    for number in range(count):
        env.write(f"in/{number % 50}/{number}", payload(number, 300))
    url = ("--server", server.url)
    result = env.run("put", "in", "--collection", "many", *url)
    env.note(f"put of {count} files: {result.seconds:.2f} s")
    again = env.run("put", "in", "--collection", "many", *url)
    env.note(f"put again: {again.seconds:.2f} s")
    with server.client() as client:
        check(client.tree_size() == count + 1, "the second run added records")
        for line in result.out.strip().split("\n")[:: 1 if settings.soak else 50]:
            index, _, name = line.split()[:3]
            check(client.payload(index).body == env.path("in", name).read_bytes(), name)
    server.terminate()
    env.fsck(server.directory)


def test_the_same_key_twice_is_one_record(env):
    server, key = start(env)
    with server.client() as client:
        first = client.put(b"one", "n", key="k1")
        again = client.put(b"one", "n", key="k1")
        check((first.status, again.status) == (201, 200), f"{first} {again}")
        check(first.json["index"] == again.json["index"], f"{first} {again}")
        other = client.put(b"two", "n", key="k1")
        check(other.status == 409 and other.json["index"] == 1, f"{other}")
        elsewhere = client.put(b"two", "n", collection="other", key="k1")
        check(elsewhere.status == 201, f"{elsewhere}")
        check(client.tree_size() == 3, "a repeated request added a record")
    server.terminate()
    server = env.serve(server.directory)
    with server.client() as client:
        again = client.put(b"one", "n", key="k1")
        check(again.status == 200 and again.json["index"] == 1, f"after a restart: {again}")
        verify_receipt(again.body, key, b"one")
        check(client.put(b"two", "n", key="k1").status == 409, "the key was forgotten")


def test_a_batch_is_all_or_nothing(env):
    server, key = start(env)
    with server.client() as client:
        files = [(f"b/{n}", payload(n, n * 10)) for n in range(20)]
        reply = client.batch(files)
        check(reply.status == 201, f"{reply}")
        receipts = reply.json["receipts"]
        check([r["index"] for r in receipts] == list(range(1, 21)), "the order is not the tar's")
        for receipt, (name, body) in zip(receipts, files, strict=True):
            found = verify_receipt(json.dumps(receipt, ensure_ascii=False), key, body)
            check(found["_record"]["name"] == name, name)
        bad = client.batch([("good", b"1"), ("../bad", b"2")])
        check(bad.status == 422, f"{bad}")
        check(client.tree_size() == 21, "half of a batch was appended")
        many = client.batch([(f"m/{n}", b"x") for n in range(1001)])
        check(many.status in (413, 422), f"{many}")
        check(client.tree_size() == 21, "part of a batch over the limit was appended")


def test_search_finds_by_everything(env):
    server, key = start(env)
    with server.client() as client:
        for number in range(30):
            labels = {"parity": "even" if number % 2 == 0 else "odd"}
            collection = "left" if number < 20 else "right"
            client.put(payload(number, 50), f"dir{number % 3}/f{number}", collection, labels)
        page = client.search(collection="left").json
        check("treeSize" in page, f"{page.keys()}")

        def indexes(**query):
            reply = client.search(**query)
            check(reply.status == 200, f"{reply}")
            entries = next(v for v in reply.json.values() if isinstance(v, list))
            return [entry["index"] for entry in entries]

        check(indexes(collection="right") == list(range(30, 20, -1)), "by collection")
        check(indexes(prefix="dir1/", limit=3) == [29, 26, 23], f"{indexes(prefix='dir1/')}")
        check(indexes(label="parity=even", limit=2) == [29, 27], "by label")
        digest = json.loads(client.record(5).body)["payload"]["sha256"]
        check(indexes(digest=digest) == [5], "by digest")
        check(indexes(digest="0" * 64) == [], "a digest that is not there")


def test_sealed_collections_show_nothing(env):
    config = env.write("strongroom.yaml", "log:\n  level: debug\n")
    server, key = start(env, "--config", config)
    env.seal(server, "secret")
    with server.client() as client:
        body = b"a payload that nobody may find in the leaf"
        reply = client.put(body, "names/of-people.csv", "secret", {"person": "jane-doe"})
        check(reply.status == 201, f"{reply}")
        receipt = verify_receipt(reply.body, key, body)
        index = receipt["index"]
        check("commitment" in receipt["_record"], f"{receipt['_record']}")
        for text in (
            "of-people",
            "jane-doe",
            "person",
            receipt["_description"]["payload"]["sha256"],
        ):
            check(text not in receipt["record"], f"the leaf shows {text}")
        check(client.payload(index).body == body, "the payload differs")
        check(client.put(b"?", "of-people", "secret", {"person!": "jane-doe"}).status == 422, "")
        fresh = client.receipt(index)
        verify_receipt(fresh.body, key, body)
        again = client.put(body, "names/of-people.csv", "secret", {"person": "jane-doe"})
        other = verify_receipt(again.body, key, body)
        check(
            other["_record"]["commitment"] != receipt["_record"]["commitment"],
            "two commitments to the same description are equal: the salt is not fresh",
        )
    server.terminate()
    digest = receipt["_description"]["payload"]["sha256"]
    for text in ("of-people", "jane-doe", digest):
        check(text not in server.log(10_000), f"the server's log shows {text}:\n{server.log()}")
    env.fsck(server.directory)
    server = env.serve(server.directory, "--config", config)
    with server.client() as client:
        verify_receipt(client.receipt(index).body, key, body)


def test_text_receipts_and_old_sizes(env):
    server, key = start(env)
    with server.client() as client:
        for number in range(12):
            client.put(b"%d" % number, f"f{number}")
        for size in range(4, 14):
            receipt = verify_receipt(client.receipt(3, size).body, key, b"2")
            check(receipt["treeSize"] == size, f"{receipt}")
        check(client.receipt(3, 3).status in (400, 404, 422), "a tree without the record")
        check(client.receipt(3, 99).status in (400, 404, 422), "a tree of the future")
        text = client.receipt(3, headers={"Accept": "text/plain"})
        check(text.body.startswith(b"c2sp.org/tlog-proof@v1\n"), f"{text}")


def test_it_listens_on_loopback_only(env):
    data = env.init()
    result = env.run("serve", data, "--listen", "0.0.0.0:0", expect=(2, 4))
    check("loopback" in result.err, result.err)


def test_version_keygen_help(env):
    check(env.run("version").out.strip(), "no version")
    env.run("keygen")
    for command in "init serve put get show prove verify consistency list fsck bench".split():
        text = env.run(command, "--help").out
        check(len(text.split("\n")) <= 45, f"the help of {command} is longer than a screen")
        check("strongroom " + command in text, f"the help of {command} has no example")
    check("put" in env.run("putt", expect=2).err, "no suggestion for a mistyped command")
    check("--origin" in env.run("init", "x", "--orign", "y", expect=2).err, "no suggestion")
    env.run(expect=(0, 2))


def test_unreachable_server_is_try_again(env):
    env.write("f", "x")
    env.run("put", "f", "--collection", "c", "--server", "http://127.0.0.1:1", expect=5)


def test_environment_names_the_server(env):
    server, _ = start(env)
    out = env.run("list", "--json", env={"STRONGROOM_SERVER": server.url})
    for line in out.out.strip().split("\n"):
        json.loads(line) if line else None
    check(os.path.exists(server.directory), "the directory is gone")
