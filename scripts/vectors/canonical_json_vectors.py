#!/usr/bin/env python3
"""Writes Tests/Vectors/canonical-json/drawn.json with the package `rfc8785` of Trail of Bits.

Not part of build.py, because nothing else needs that package:

    pip install rfc8785==0.1.4
    # sha256:520d690b448ecf0703691c76e1a34a24ddcd4fc5bc41d589cb7c58ec651bcd48

Values are drawn from a fixed seed and spelled by `json` in several ways; `rfc8785` says what the
canonical form is. The samples of the RFC itself stand in rfc8785.json, written by hand, and are
checked with the same package.
"""

import json
import pathlib
import random

import rfc8785

VECTORS = pathlib.Path(__file__).resolve().parents[2] / "Tests" / "Vectors"
FOLDER = VECTORS / "canonical-json"
MAXIMUM = 2**53 - 1
SCALARS = (
    "\x00\x01\x08\t\n\x0b\x0c\r\x1f \"'/\\<&azAZ09\x7f\x80\x9f\xa0\xe9\u07ff\u0800\u2028\u2029"
    "\u20ac\ud7ff\ue000\ufb33\ufeff\ufffd\uffff\U00010000\U0001f600\U0010ffff"
)


def draw_text(draw):
    return "".join(draw.choice(SCALARS) for _ in range(draw.randrange(9)))


def draw_value(draw, depth):
    kind = draw.randrange(7 if depth else 5)
    if kind == 0:
        return draw.choice((None, True, False))
    if kind in (1, 2):
        return draw_text(draw)
    if kind == 3:
        return draw.choice((0, 1, -1, 9, 10, MAXIMUM, -MAXIMUM, MAXIMUM - 1))
    if kind == 4:
        return draw.randint(-MAXIMUM, MAXIMUM)
    if kind == 5:
        return [draw_value(draw, depth - 1) for _ in range(draw.randrange(5))]
    return {draw_text(draw): draw_value(draw, depth - 1) for _ in range(draw.randrange(7))}


def spelled(draw, value):
    return json.dumps(value, ensure_ascii=draw.random() < 0.5, indent=draw.choice((None, 0, 1, 4)))


def main():
    for sample in json.loads((FOLDER / "rfc8785.json").read_text()):
        assert rfc8785.dumps(json.loads(sample["input"])).decode() == sample["canonical"]
    draw = random.Random(8785)
    found = []
    while len(found) < 400:
        value = draw_value(draw, 4)
        if isinstance(value, (list, dict)) or len(found) < 50:
            found.append(
                {"input": spelled(draw, value), "canonical": rfc8785.dumps(value).decode()}
            )
    (FOLDER / "drawn.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
