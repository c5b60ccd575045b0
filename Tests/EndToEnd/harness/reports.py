"""What a report says, compared with a reading of the log that shares no code with it.

Proofs and signatures are checked with hashlib and `cryptography` alone.
"""

import base64
import hashlib
import html.parser
import json
import re

import jsonschema
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from . import ROOT
from .waiting import check

ALL_TIME = ("--from", "2020-01-01", "--to", "2100-01-01")


def report(env, url, key, *options, token=None, expect=0, name="out", period=ALL_TIME):
    """Makes a report; gives its JSON, checked against the schema, and its page."""
    extra = {"STRONGROOM_TOKEN": token} if token else {}
    place = env.path(name)
    arguments = ("report", *period, "--server", url, "--key", key, "-o", place)
    result = env.run(*arguments, *options, expect=expect, env=extra)
    value = json.loads((place / "report.json").read_text())
    schema = json.loads((ROOT / "Schemas" / "report.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(value)
    check(sorted(p.name for p in place.iterdir()) == ["report.html", "report.json"], "left over")
    value["result"] = result
    value["page"] = (place / "report.html").read_text()
    return value


def verdicts(value):
    return {row["id"]: row["verdict"] for row in value["questions"]}


def question(value, name):
    (found,) = [row for row in value["questions"] if row["id"] == name]
    return found


def control(value, paragraph):
    (found,) = [row for row in value["controls"] if row["paragraph"] == paragraph]
    return found


def expand(ranges):
    return {index for first, last in ranges for index in range(first, last + 1)}


# --- by hand: RFC 9162 and Ed25519 ----------------------------------------------------------------


def sha256(data):
    return hashlib.sha256(data).digest()


def climb(index, size, leaf, path):
    node, place, last = leaf, index, size - 1
    for sibling in map(base64.b64decode, path):
        check(last > 0, "the path is too long")
        if place & 1 or place == last:
            node = sha256(b"\x01" + sibling + node)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            node = sha256(b"\x01" + node + sibling)
        place, last = place >> 1, last >> 1
    check(last == 0, "the path is too short")
    return base64.b64encode(node).decode()


def open_note(note, key):
    """Origin, size and root of a note that the key has signed."""
    text, _, lines = note.partition("\n\n")
    name, number, public = key.split("+", 2)
    marker = "\u2014 " + name + " "
    lines = [line for line in lines.splitlines() if line.startswith(marker)]
    found = [base64.b64decode(line[len(marker) :]) for line in lines]
    (signature,) = [data[4:] for data in found if data[:4].hex() == number]
    verifier = Ed25519PublicKey.from_public_bytes(base64.b64decode(public)[1:])
    verifier.verify(signature, (text + "\n").encode())
    origin, size, root = (text + "\n").split("\n")[:3]
    check(origin == name, f"{origin} is not {name}")
    return int(size), root


def prove(value, key):
    """Every record that is cited stands in the tree of the one checkpoint; index -> record."""
    size, root = open_note(value["log"]["checkpoint"], key)
    check((size, root) == (value["log"]["size"], value["log"]["root"]), f"{value['log']}")
    records = {}
    for entry in value["records"]:
        leaf = sha256(b"\x00" + entry["record"].encode())
        check(base64.b64encode(leaf).decode() == entry["leafHash"], f"leaf {entry['index']}")
        found = climb(entry["index"], size, leaf, entry["proof"])
        check(found == root, f"record {entry['index']} leads to {found}")
        records[entry["index"]] = json.loads(entry["record"])
    check(list(records) == sorted(records), "the records do not ascend")
    return records


KINDS = {
    "erasures": {"payload.erased"},
    "bypasses": {"lock.bypassed"},
    "exports": {"access.exported"},
    "tokens": {"access.changed"},
    "access-digests": {"access.digest"},
    "holds": {"hold.placed", "hold.released"},
    "locks-kept": {"lock.extended", "event.recorded"},
    "policies": {"policy.set"},
    "keys": {"key.rotated", "log.created"},
    "purges": {"payload.erased", "payload.purged"},
    "holds-kept": {"payload.erased"},
    "evidence-taken": {"evidence"},
    "locks-granted": {"evidence"},
    "firmness": {"evidence"},
    "five-years": {"evidence"},
    "six-years": {"evidence"},
    "configuration": {"policy.set", "target.added", "target.phase", "target.removed", "log.closed"},
}
COMPLETE = ("erasures", "bypasses", "exports", "holds", "locks-kept", "tokens")


def agrees(value, key, log):
    """Each answer's records are of the kinds that it is about, and all of them in the period."""
    records = prove(value, key)
    first, last = (value["period"]["from"], value["period"]["to"])
    inside = {i for i, r in enumerate(log) if first <= r["received"] < last}
    check(expand(value["period"]["records"]) == inside, f"{value['period']}")
    for index, record in records.items():
        check(log[index] == record, f"record {index} is another")
    for row in value["questions"]:
        found = expand(row["records"])
        check(found <= set(range(len(log))), f"{row['id']}: {row['records']}")
        wanted = KINDS.get(row["id"])
        for index in found if wanted else ():
            # A hold or token of before may stand still.
            check(log[index]["kind"] in wanted, f"{row['id']} names {log[index]}")
        if row["id"] in COMPLETE and "collection" not in value:
            all_of = {i for i in inside if log[i]["kind"] in wanted}
            check(all_of <= found, f"{row['id']} leaves out {all_of - found}")
        for table in row["tables"]:
            for line in table["rows"]:
                check(len(line["cells"]) == len(table["columns"]), f"{row['id']}: {line}")
                if "record" in line:
                    check(line["record"] in records, f"{row['id']}: {line} has no proof")
                    check_row(row["id"], line, records[line["record"]])
    return records


def check_row(name, line, record):
    """A row says what its record says."""
    cells = line["cells"]
    if name == "erasures":
        erased = (record["received"], record["principal"], record["collection"])
        check(tuple(cells[:3]) == erased and cells[3] == str(record["count"]), f"{line}")
        ground = "bypass" if record["ground"] == "bypass" else "the lock was over"
        check(ground in cells[5], f"{line}")
    elif name in ("bypasses", "exports", "holds", "locks-kept", "tokens"):
        if len(cells) >= 4:
            check(cells[:2] == [record["received"], record["principal"]], f"{line}, {record}")
            check(cells[-1] == record.get("reason", ""), f"{line}, {record}")
    elif name == "access-digests":
        check(cells == [record["day"], f"{record['count']:,}", record["head"]], f"{line}")


# --- the page -------------------------------------------------------------------------------------


class Page(html.parser.HTMLParser):
    """What a page is made of; fails for what may not be in it."""

    ALLOWED = set(
        "html head meta title style body main h1 h2 h3 p strong table caption thead tbody tr th td "
        "pre code ul li a br section bdi span".split()
    )
    VOID = {"meta", "br"}

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.stack, self.headings, self.ids, self.links, self.data = [], [], set(), set(), []
        self.tables = 0
        self.feed(text)
        self.close()
        check(not self.stack, f"not closed: {self.stack}")
        check(self.links <= self.ids, f"links to nothing: {self.links - self.ids}")

    def handle_starttag(self, tag, attributes):
        check(tag in self.ALLOWED, f"an element {tag}")
        for name, value in attributes:
            check(not name.startswith("on") and name not in ("src", "style"), f"{tag} {name}")
            if name == "href":
                check(value.startswith("#"), f"a link to {value}")
                self.links.add(value[1:])
            if name == "id":
                check(value not in self.ids, f"twice: {value}")
                self.ids.add(value)
        if re.fullmatch("h[1-6]", tag):
            level = int(tag[1])
            before = self.headings[-1] if self.headings else 0
            check(level <= before + 1, f"{tag} after h{before}")
            self.headings.append(level)
        if tag == "caption":
            check(self.stack[-1] == "table", "a caption in no table")
            self.tables -= 1
        if tag == "table":
            self.tables += 1
        if tag == "th":
            check(("scope", "col") in attributes or ("scope", "row") in attributes, "no scope")
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag):
        check(self.stack and self.stack[-1] == tag, f"</{tag}> in {self.stack}")
        self.stack.pop()

    def handle_data(self, data):
        self.data.append(data)

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data}")

    @property
    def text(self):
        return " ".join(self.data)


def check_page(value):
    page = Page(value["page"])
    check(page.headings[0] == 1 and page.headings.count(1) == 1, f"{page.headings}")
    check(page.tables == 0, "a table without a caption")
    check("\u202e" not in value["page"] and "\x07" not in value["page"], "hidden characters")
    check("http-equiv" in value["page"] and "default-src 'none'" in value["page"], "no policy")
    squeezed = re.sub(r"\s+", " ", page.text)
    for row in value["questions"]:
        # Characters that hide are shown otherwise; there are none in answers here.
        check(row["question"] in squeezed and row["verdict"] in squeezed, f"{row['id']}")
        if "\u202e" not in row["answer"]:
            check(row["answer"] in squeezed, f"the page lacks: {row['answer']}")
    for row in value["controls"]:
        check(row["asks"] in squeezed, f"the page lacks {row['paragraph']}")
        for gap in row["notAnswerable"]:
            check(f"{gap['what']}: {gap['why']}" in squeezed, f"the page lacks {gap}")
    check(value["disclaimer"] in squeezed and "no legal opinion" in squeezed, "no disclaimer")
    for row in value["records"]:
        check(f"r{row['index']}" in page.ids, f"record {row['index']} is not in the page")
    return page
