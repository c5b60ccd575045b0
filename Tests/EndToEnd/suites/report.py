"""`strongroom report`: each answer has its records, each record its proof, and a lie is loud."""

import base64
import hashlib
import html
import json
import re
import subprocess

from harness import check, eventually
from harness.liar import Liar, LyingLog, good_log, lies
from harness.reports import ALL_TIME, agrees, check_page, climb, control, expand, open_note
from harness.reports import prove, question, report, sha256, verdicts
from harness.witness import make_witness, run_witness
from harness.workload import fill
from harness.world import World, done

SECONDS = 20
LIMIT_SECONDS = 200
OTHERS = {"limited": ("auditor", ("--collection", "payments"))}
HOSTILE = [
    '<script>alert("1")</script>.txt',
    "a|b`c`[d](http:e)*f*_g_\\|.txt",
    "\u202eexe.fdp & <!-- www.example.org m@example.org",
    "&lt;img src=x onerror=alert(1)&gt;",
]


# --- an honest log --------------------------------------------------------------------------------

STRICT = {"mode": "COMPLIANCE", "minimum": "1s", "default": "7y", "maximum": "100y"}
SOFT = {"mode": "GOVERNANCE", "minimum": "1s", "default": "1d", "maximum": "100y"}


class Story:
    """A log in which what a report tells of has happened."""

    def __init__(self, env):
        self.world = world = World(env, height=8, others=OTHERS)
        done(world.boss.set_policy("payments", STRICT))
        done(world.boss.set_policy("hidden", {**STRICT, "sealed": True}))
        done(world.boss.set_policy("drafts", SOFT))
        fill(world.writer, 270, collection="payments", tag="p")
        self.names = {world.put(name, "payments", b"x")[0]: name for name in HOSTILE}
        self.first = min(self.names)
        self.sealed, _ = world.put("veiled/1", "hidden", b"sealed")
        self.short, _ = world.put("short", "payments", b"gone", retain="1s")
        self.veiled, _ = world.put("veiled/2", "hidden", b"gone too", retain="1s")
        self.draft, _ = world.put("draft", "drafts", b"a draft")
        held = list(self.names)[:2]
        self.held = held
        done(world.keeper.hold("case/7", records=held))
        done(world.keeper.hold("case/8", selection={"collection": "drafts"}, standing=True))
        done(world.boss.release("case/8"))
        self.extended = held[0]
        done(world.keeper.extend(held[0], until="2060-01-01T00:00:00Z"))
        done(world.breaker.bypass([self.draft], reason="<b>a mistake</b>"))
        world.wait_until_released(self.short, self.veiled)
        done(world.keeper.erase(records=[self.short]))
        done(world.keeper.erase(records=[self.veiled]))
        # While erased bytes go a bundle may have to be asked for again.
        eventually(
            lambda: world.auditor.post(
                "/v1/exports", collection="payments", reason="for the court"
            ).status
            == 201,
            "no bundle",
        )
        done(world.boss.create_token("temp", "auditor"))
        done(world.boss.revoke_token("temp"))
        world.run("boss", "key", "rotate", "--reason", "yearly")
        self.token = world.people.tokens["auditor"]

    def report(self, *options, **named):
        world = self.world
        return report(
            world.env, world.server.url, world.key, *options, token=self.token, **named
        )

    def log(self, size):
        records = [self.world.auditor.record(index) for index in range(size)]
        return [json.loads(reply.body) for reply in records]


def test_what_happened_is_told(env):
    story = Story(env)
    # The purges are records too, and come when they come.
    eventually(
        lambda: verdicts(story.report())["purges"] == "met",
        lambda: f"{question(story.report(), 'purges')}",
    )
    value = story.report()
    log = story.log(value["log"]["size"])
    records = agrees(value, story.world.key, log)
    found = verdicts(value)
    wanted = {
        **{"whole-log": "met", "completeness": "met", "trail": "met", "policies": "met"},
        **{"erasures": "met", "bypasses": "cannot be answered", "holds": "recorded"},
        **{"locks-kept": "met", "exports": "recorded", "tokens": "recorded"},
        **{"firmness": "cannot be answered", "witnesses": "cannot be answered"},
        **{"second-copy": "cannot be answered", "probes": "no occurrence", "keys": "recorded"},
    }
    for name, verdict in wanted.items():
        check(found[name] == verdict, f"{name}: {question(value, name)}")
    check(control(value, "(f)(2)(i)(A)")["verdict"] == "met", "the audit trail")
    check(control(value, "(f)(2)(i)(B)")["verdict"] == "cannot be answered", "a bypass")
    check(control(value, "CC7.3")["verdict"] == "cannot be answered", "an incident")
    check(not any(row["verdict"] == "not met" for row in value["controls"]), "not met")
    check("finding" not in value and "No control" in value["headline"], value["headline"])
    page = check_page(value)
    check("<b>a mistake</b>" in page.text and "for the court" in page.text, "the reasons")
    grounds = [log[index]["ground"] for index in expand(question(value, "erasures")["records"])]
    check(sorted(grounds) == ["bypass", "expired", "expired"], f"{grounds}")
    standing = question(value, "holds")["tables"][-1]["rows"]
    check([row["cells"][0] for row in standing] == ["case/7"], f"{standing}")
    due = question(value, "due")
    check("3 erased" in due["answer"] and due["verdict"] == "met", due["answer"])
    env.note(
        f"{len(log)} records, {len(records)} cited, {len(value['page']):,} bytes of HTML in "
        f"{value['result'].seconds:.2f} s"
    )
    of_a_period_and_a_collection(story)
    story.world.end()


def of_a_period_and_a_collection(story):
    """Only what was received in the period, to the millisecond; only one collection's evidence."""
    log = story.log(story.world.auditor.tree_size())
    place = next(i for i, record in enumerate(log) if record["kind"] == "hold.placed")
    begin = log[place]["received"]
    end = next(r["received"] for r in log[place:] if r["kind"] == "lock.bypassed")
    value = story.report(period=("--from", begin, "--to", end))
    agrees(value, story.world.key, story.log(value["log"]["size"]))
    found = verdicts(value)
    check(found["locks-kept"] == "met" and found["bypasses"] == "no occurrence", f"{found}")
    check(found["erasures"] == "no occurrence" and found["holds"] == "recorded", f"{found}")
    check(not value["remarks"], f"{value['remarks']}")
    before = story.report(period=("--from", "2020-01-01", "--to", "2020-01-02"))
    check(before["period"]["records"] == [], f"{before['period']}")
    check(verdicts(before)["trail"] == "no occurrence", "before there was a log")
    one = story.report("--collection", "hidden")
    log = story.log(one["log"]["size"])
    agrees(one, story.world.key, log)
    for name in ("evidence-taken", "erasures", "exports", "policies"):
        for index in expand(question(one, name)["records"]):
            record = log[index]
            scope = record.get("collection") or record["selection"].get("collection")
            check(scope in ("hidden", None), f"{name}: {record}")
    check(verdicts(one)["exports"] == "no occurrence", "exports of another collection")
    check("1 payload " in question(one, "erasures")["answer"], question(one, "erasures")["answer"])
    check_page(one)


# --- the chain ------------------------------------------------------------------------------------


def unescaped(cell):
    """What a cell of Markdown says."""
    return html.unescape(re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", cell))


def chain(env, world, collection, *options, who="auditor", expect=0, name="chain.md"):
    """Writes a chain; gives its text and lines."""
    path = env.path(name)
    arguments = ("report", "--chain", "--collection", collection, "--key", world.key, "-o", path)
    result = world.run(who, *arguments, *options, expect=expect)
    if expect:
        check(not path.exists(), "a refused chain left a file")
        return result.err, []
    text = path.read_text()
    lines = [
        [cell.strip() for cell in line[1:-1].split(" | ")]
        for line in text.splitlines()
        if re.match(r"\| \d", line)
    ]
    check(all(len(line) == 8 for line in lines), f"{lines}")
    return text, lines


def block(text, language, containing):
    found = re.findall(rf"```{language}\n(.*?)```", text, re.S)
    (one,) = [code for code in found if containing in code]
    return one


def test_the_chain(env):
    """Every line is what its record says; one is verified with curl, openssl and by hand."""
    story = Story(env)
    world = story.world
    text, lines = chain(env, world, "payments")
    log = story.log(world.auditor.tree_size())
    wanted = [i for i, record in enumerate(log) if record.get("collection") == "payments"]
    wanted = [i for i in wanted if log[i]["kind"] == "evidence"]
    check([int(line[1]) for line in lines] == wanted, "other lines")
    for number, line in enumerate(lines, 1):
        record = log[int(line[1])]
        check(line[0] == f"{number}" == f"{record['sequence']}", f"{line}")
        check(line[2] == record["received"], f"{line}")
        check(line[3] == f"`{record['payload']['sha256']}`", f"{line}")
        check(line[4] == f"{record['payload']['size']}", f"{line}")
        shown = re.sub("[\u202e]", "\\\\u{202E}", record["name"])
        check(unescaped(line[5]) == shown, f"{line[5]} is not {shown}")
        for bad in "<>|`[]":
            check(bad not in line[5], f"{line[5]}")
        lock = world.lock(int(line[1]))
        check(line[6] == f"{lock['mode']} until {lock['until']}", f"{line}, {lock}")
    by_index = {int(line[1]): line for line in lines}
    erased = by_index[story.short][7]
    certificate = int(re.search(r"certificate: record (\d+)", erased)[1])
    check(log[certificate]["kind"] == "payload.erased", f"{erased}")
    check(by_index[story.held[0]][7] == "held by case/7", f"{by_index[story.held[0]]}")
    check("2060-01-01" in by_index[story.extended][6], f"{by_index[story.extended]}")
    note = re.search(r"(?:^    .*\n|^\n)+", text[text.index("    log") :], re.M)[0]
    note = re.sub("^    ", "", note, flags=re.M).rstrip("\n") + "\n"
    size, root = open_note(note, world.key)
    check(f"`{root}`" in text, "the root")
    by_hand(env, story, text, by_index[story.first], size, root)
    _, lines = chain(env, world, "hidden")
    seen, gone = lines
    check(seen[5] == "veiled/1" and "sealed, opened here" in seen[7], f"{seen}")
    check(gone[5] == "sealed" and "ERASED" in gone[7], f"{gone}")
    check(log[story.veiled]["commitment"] in gone[3], f"{gone}")
    said, _ = chain(env, world, "payments", who="limited", expect=4, name="limited.md")
    check("entries show every collection" in said, said)
    said, _ = chain(env, world, "nothing", expect=3, name="nothing.md")
    arguments = ("report", *ALL_TIME, "--key", world.key, "-o", "limited")
    said = world.run("limited", *arguments, expect=4).err
    check("entries show every collection" in said, said)
    world.run("writer", *arguments, expect=4)
    check(not list(env.directory.glob("**/.strongroom-*")), "temporary files are left")


def by_hand(env, story, text, line, size, root):
    world = story.world
    index = int(line[1])
    receipt = json.loads(world.auditor.receipt(index, size).body)
    leaf = sha256(b"\x00" + receipt["record"].encode())
    check(climb(index, size, leaf, receipt["proof"]) == root, "another root")
    check(open_note(receipt["checkpoint"], world.key) == (size, root), "another checkpoint")
    payload = hashlib.sha256(world.auditor.payload(index).body).hexdigest()
    check(line[3] == f"`{payload}`", "another payload")
    # The same with the commands that the page gives, as they stand there.
    own = {"INDEX": f"{index}", "SERVER": world.server.url, "TOKEN": story.token}
    own |= {"KEY": world.key, "PATH": "/usr/local/bin:/usr/bin:/bin"}

    def run(*command, **options):
        done = subprocess.run(
            command, cwd=env.directory, env=own, capture_output=True, text=True, **options
        )
        check(done.returncode == 0, lambda: f"{command}: {done.stdout}{done.stderr}")
        return done.stdout

    run("sh", "-ec", block(text, "sh", "curl"))
    check(run("sh", "-ec", block(text, "sh", "sha256sum")).startswith(payload), "sha256sum")
    said = run("python3", "-I", "-", input=block(text, "python", "hashlib"))
    check(said == f"{root}\n{receipt['record']}\n", said)
    check("Success" in run("sh", "-ec", block(text, "sh", "openssl")), "openssl")
    verify = block(text, "sh", "strongroom verify").replace("strongroom", env.binary, 1)
    run("sh", "-ec", verify)


# --- witnesses ------------------------------------------------------------------------------------


def test_cosignatures_on_the_checkpoint(env):
    """A cosignature counts only if its key was given, and is right."""
    log, *_ = good_log()
    liar = Liar(env, log)
    directory, cosigner = make_witness(env)
    witness = run_witness(env, directory, log.key)
    note = log.checkpoint(len(log.records))
    reply = witness.add(0, [], note)
    check(reply.status == 200, lambda: f"{reply}")
    liar.changes = {"/checkpoint": note.encode() + reply.body}
    unasked = question(report(env, liar.url, log.key), "witnesses")
    check(unasked["verdict"] == "cannot be answered", f"{unasked}")
    check("1 further signature" in unasked["answer"], f"{unasked}")
    # A server that has no such list is no reason to end.
    stamps = question(report(env, liar.url, log.key), "timestamps")
    check(stamps["verdict"] == "cannot be answered", f"{stamps}")
    check("gives no list of time-stamps" in stamps["answer"], f"{stamps}")
    asked = report(env, liar.url, log.key, "--witness", cosigner)
    row = question(asked, "witnesses")
    check(row["verdict"] == "met" and len(row["tables"][0]["rows"]) == 1, f"{row}")
    policy = env.write("policy", f"log {log.key}\nwitness w1 {cosigner}\nquorum w1\n")
    row = question(report(env, liar.url, log.key, "--policy", policy), "witnesses")
    check(row["verdict"] == "met", f"{row}")
    liar.changes = {}
    missing = report(env, liar.url, log.key, "--witness", cosigner, expect=1)
    check(question(missing, "witnesses")["verdict"] == "not met", "not cosigned, and met")
    report(env, liar.url, log.key, "--policy", policy, expect=1)
    wrong = bytearray(base64.b64decode(reply.body.split(b" ")[2]))
    wrong[40] ^= 1
    line = b" ".join(reply.body.split(b" ")[:2]) + b" " + base64.b64encode(wrong) + b"\n"
    liar.changes = {"/checkpoint": note.encode() + line}
    forged = report(env, liar.url, log.key, "--witness", cosigner, expect=1)
    check("not valid" in question(forged, "witnesses")["answer"], "a forged cosignature")


# --- a log that lies ------------------------------------------------------------------------------


def test_every_lie_is_loud(env):
    """The control is not met, exit code 1, and nothing else of the log is said to be fine."""
    log, *_ = good_log()
    liar = Liar(env, log)
    honest = report(env, liar.url, log.key)
    records = agrees(honest, log.key, [json.loads(log.encoded(i)) for i in range(len(log.records))])
    check(len(records) > 5, f"{records}")
    for rule, ways in lies().items():
        for way in ways:
            log, *facts = good_log()
            log.seconds += 3 * 86_400
            way(log, *facts)
            liar = Liar(env, log)
            value = report(env, liar.url, log.key, expect=1, name=way.__name__)
            check(value["finding"]["rule"] == rule, f"{way.__name__}: {value['finding']}")
            fine = {"not met", "cannot be answered"}
            for row in value["questions"] + value["controls"]:
                check(row["verdict"] in fine, f"{way.__name__}: {row}")
            broken = [row for row in value["controls"] if row["verdict"] == "not met"]
            check(broken, f"{way.__name__}: no control is not met")
            said = value["result"].err
            check(rule in said and broken[0]["paragraph"] in said, said)
            check("not met" in check_page(value).text, "the page is silent")
            prove(value, log.key)
            arguments = ("report", "--chain", "--collection", "c", "--server", liar.url)
            result = env.run(*arguments, "--key", log.key, "-o", "lie.md", expect=1)
            check(rule in result.err and not env.path("lie.md").exists(), result.err)


def test_what_is_served_is_what_was_signed(env):
    log, *_ = good_log()
    for number in range(300):
        log.put(f"many/{number}")
    liar = Liar(env, log)
    report(env, liar.url, log.key)
    parts = liar.parts()
    entries = parts["/tile/entries/000"]
    liar.changes = {"/tile/entries/000": entries.replace(b"many/100", b"many/1OO")}
    value = report(env, liar.url, log.key, expect=1)
    check(value["finding"]["rule"] == "entries", f"{value['finding']}")
    check(control(value, "(c)(1)")["verdict"] == "not met", "authentic, it says")
    prove(value, log.key)
    tile = bytearray(parts["/tile/0/000"])
    tile[32 * 9] ^= 1
    liar.changes = {"/tile/0/000": bytes(tile)}
    place = env.path("tiles")
    arguments = ("report", *ALL_TIME, "--server", liar.url, "--key", log.key, "-o", place)
    result = env.run(*arguments, expect=1)
    check("is not shown to be in the tree" in result.err, result.err)
    check(list(place.iterdir()) == [], "a report that is not proven was left")
    liar.changes = {}
    other = LyingLog()
    result = env.run(*arguments[:-3], other.key, "-o", place, expect=1)
    check("not signed by a trusted key" in result.err, result.err)


def test_the_command_line(env):
    data = env.init()
    server, key = env.serve(data), env.key_of(data)
    own = {"STRONGROOM_SERVER": server.url}
    out = ("--key", key, "-o", env.path("out"))
    for wrong in (
        (*ALL_TIME, "-o", "x"),
        ("--from", "2026-01-01", "--key", key),
        ("--from", "2026-01-01", *out),
        ("--from", "2027-01-01", "--to", "2026-01-01", *out),
        ("--from", "yesterday", "--to", "2026-01-01", *out),
        (*ALL_TIME, *out, "--collection", "NO"),
        (*ALL_TIME, *out, "--witness", "x"),
        ("--chain", *out),
        ("--chain", "--collection", "c", "--from", "2026-01-01", *out),
        (*ALL_TIME, *out, "--key", LyingLog().key),
    ):
        env.run("report", *wrong, expect=2, env=own)
    check(not env.path("out").exists(), "a refused command left something behind")
    line = env.run("report", *ALL_TIME, *out, "--json", env=own).out
    counts = json.loads(line)
    check(counts["size"] == 1 and counts["not met"] == 0, line)
    check(sum(counts[v] for v in ("met", "recorded", "no occurrence", "cannot be answered")), line)
    (env.path("file")).write_text("x")
    env.run("report", *ALL_TIME, "--key", key, "-o", "file", expect=(2, 4), env=own)
    here = env.run("report", *ALL_TIME, "--key", key, env=own).out
    check("./report.html" in here and env.path("report.json").exists(), here)
    server.terminate()
    env.run("report", *ALL_TIME, *out, expect=5, env=own)
