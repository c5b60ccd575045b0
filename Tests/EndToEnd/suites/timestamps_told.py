"""Time-stamps of checkpoints, as reports and `fsck` tell of them."""

import base64
import json

from harness import check, eventually
from harness.authority import verified
from harness.liar import Liar, good_log
from harness.reports import ALL_TIME, check_page, question, report
from suites.timestamps import Site, make

SECONDS = 15


def test_a_report_tells_of_them(env):
    """What is covered, by whom and since when; verified only with certificates that were given."""
    one, two = make(env, "one"), make(env, "two")
    site = Site(env, one, two).serve()
    for number in range(5):
        site.put(f"evidence {number}")
    site.run("timestamp", "now")
    site.put("later")

    def ask(*options, period=ALL_TIME, expect=0):
        value = report(
            env, site.server.url, site.key, *options, period=period, expect=expect, name="report"
        )
        return value, question(value, "timestamps")

    value, row = ask()
    check(row["verdict"] == "cannot be answered" and "Not verified" in row["answer"], f"{row}")
    check("no time-stamp says when 6 existed" in row["answer"], row["answer"])
    check(not any(stamp["verified"] for stamp in value["timestamps"]), "verified by nobody")
    trust = ("--authority-ca", one.ca, "--authority-ca", two.ca)
    value, row = ask(*trust)
    check(row["verdict"] == "cannot be answered", f"{row}")
    check("Of 7 records of the period 6 stand" in row["answer"], row["answer"])
    check("0 days before this was asked" in row["answer"], row["answer"])
    site.run("timestamp", "now")
    value, row = ask(*trust)
    check(row["verdict"] == "met" and row["records"] == [[0, 6]], f"{row}")
    check("by one, two" in row["answer"] and not row["answer"].count("Not accepted"), f"{row}")
    check([cells["cells"][0] for cells in row["tables"][0]["rows"]] == ["one", "two"], f"{row}")
    page = check_page(value)
    check("signed by /CN=one TSA" in page.text, "the signers")
    # What stands in the report is verified without the server, by openssl.
    for stamp in value["timestamps"]:
        authority = site.authorities[stamp["authority"]]
        note = env.write("note", stamp["checkpoint"].encode())
        record = env.write("record", base64.b64decode(stamp["evidenceRecord"]))
        env.run(
            "timestamp", "verify", record, "--checkpoint", note, "--authority-ca", authority.ca
        )
        token = site.get(stamp["size"], stamp["authority"])
        check(token.read_bytes() in record.read_bytes(), "another token")
        text = site.get(stamp["size"], stamp["authority"], "text")
        check(verified(token, text, authority.ca), "openssl says no")
        check(stamp["verified"] and stamp["size"] == 7, f"{stamp}")
    # One authority that is trusted is enough; the other is told of.
    value, row = ask("--authority-ca", one.ca)
    refused = "Not accepted: of 7 records by two"
    check(row["verdict"] == "met" and refused in row["answer"], f"{row}")
    stranger = make(env, "stranger")
    env.defer(stranger.close)
    value, row = ask("--authority-ca", stranger.ca)
    check(row["verdict"] == "cannot be answered" and "None was accepted" in row["answer"], f"{row}")
    _, row = ask(*trust, period=("--from", "2020-01-01", "--to", "2020-01-02"))
    check(row["verdict"] == "no occurrence", f"{row}")
    key = ("--key", site.key, "--server", site.server.url, "-o", env.path("x"))
    env.run("report", *ALL_TIME, "--authority-ca", env.write("no.pem", b"no"), *key, expect=2)
    env.run("report", "--chain", "--collection", "c", "--authority-ca", one.ca, *key, expect=2)


def test_a_report_is_not_deceived(env):
    """A good token over something else, or over a checkpoint that is none, is told of."""
    site = Site(env, make(env, "tsa")).serve()
    eventually(site.list, "nobody stamps")
    size = site.list()[0]["size"]
    stranger = site.get(size, "tsa", "checkpoint").read_bytes()
    record = site.get(size, "tsa", "evidence-record").read_bytes()
    log, *_ = good_log()
    liar, count = Liar(env, log), len(log.records)
    place = f"/v1/timestamps/{count}/tsa?form="
    entry = {"authority": "tsa", "size": count, "time": "2026-11-22T00:00:00.000Z"}
    listed = json.dumps({"timestamps": [entry]}).encode()
    older, own = log.checkpoint(count - 1).encode(), log.checkpoint(count).encode()
    told = log.records[-1]["received"]
    log.records[-1]["received"] = told.replace(".000Z", ".001Z")
    fork = log.checkpoint(count).encode()
    log.records[-1]["received"] = told
    check(fork != own, "no fork")
    for note, served, words, code in (
        (stranger, record, "its checkpoint is not signed by the log", 1),
        (older, record, "its checkpoint is not one of the tree that was read", 1),
        (fork, record, "its checkpoint is not one of the tree that was read", 1),
        (own, record, "does not cover the data", 1),
        (own, record[:-1], "it cannot be read", 1),
        (own, None, "it is listed, and not served", 0),
    ):
        liar.changes = {
            f"/v1/timestamps?below={count + 1}&limit=1000": listed,
            f"{place}checkpoint": note,
            f"{place}evidence-record": served,
        }
        for trust in ((), ("--authority-ca", site.authorities["tsa"].ca)):
            value = report(env, liar.url, liar.log.key, *trust, expect=code, name="deceived")
            row = question(value, "timestamps")
            check(row["verdict"] == ("not met" if code else "cannot be answered"), f"{row}")
            said = row["answer"] + json.dumps(row["tables"])
            check(words in said, f"{words}: {row}")
            check(not any(stamp["verified"] for stamp in value["timestamps"]), f"{row}")
    # A list that never ends, or names what cannot be, is no list.
    for wrong in (
        {"timestamps": [], "below": count + 1},
        {"timestamps": [{**entry, "size": count + 1}]},
        {"timestamps": [{**entry, "authority": "../x"}]},
        {"timestamps": 7},
    ):
        liar.changes = {
            f"/v1/timestamps?below={count + 1}&limit=1000": json.dumps(wrong).encode()
        }
        words = ("--server", liar.url, "--key", liar.log.key, "-o", env.path("wrong"))
        result = env.run("report", *ALL_TIME, *words, expect=5)
        check("cannot be read" in result.err, result.err)
        check(not env.path("wrong", "report.json").exists(), "a report was left")


def test_fsck_reads_them(env):
    site = Site(env, make(env, "tsa")).serve()
    site.put("evidence")
    site.run("timestamp", "now")
    found = site.list()
    note = site.get(found[0]["size"], "tsa", "checkpoint").read_bytes()
    check(site.server.terminate() == 0, site.server.log())
    counts = json.loads(env.run("fsck", site.directory, "--json").out.splitlines()[-1])
    check(counts["timestamps"] == len(found) and counts["clean"], f"{counts}")
    path = site.directory / "state" / "timestamps.mdb"
    sound = path.read_bytes()
    # In JSON line feeds are escaped: the root's line is found by itself.
    place = sound.index(note.split(b"\n")[2])
    path.write_bytes(sound[:place] + bytes([sound[place] ^ 1]) + sound[place + 1 :])
    said = env.run("fsck", site.directory, expect=1).out
    check("timestamps.mdb" in said and "changed bytes" in said, said)
    path.write_bytes(sound)
    said = env.run("fsck", site.directory).out
    check(f"{len(found)} time-stamp" in said, said)
