"""Vectors of Tests/Vectors/calendar, out of Python's own calendar.

Nothing here shares code with the product: dates, leap years, offsets and rounding come from the
`datetime` module. The draws are seeded, so that the files come out the same each time.
"""

import datetime
import random

UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = datetime.timedelta(milliseconds=1)
SECOND = datetime.timedelta(seconds=1)
DAY = datetime.timedelta(days=1)
LAST = (datetime.datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC) - EPOCH) // MILLISECOND
REFUSED = "-"


def milliseconds(instant):
    return (instant - EPOCH) // MILLISECOND


def text(instant):
    return instant.strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1000:03d}Z"


def instants(draw, count):
    """Instants near the edges of days, months, centuries and the range, and drawn ones."""
    found = {0, 1, 999, 1_000, 86_399_999, 86_400_000, LAST - 1, LAST}
    for year in (
        1970,
        1971,
        1972,
        1999,
        2000,
        2001,
        2023,
        2024,
        2026,
        2033,
        2038,
        2096,
        2099,
        2100,
        2101,
        2104,
        2200,
        2300,
        2400,
        3999,
        4000,
        9996,
        9998,
        9999,
    ):
        for month in (1, 2, 3, 12):
            midnight = datetime.datetime(year, month, 1, tzinfo=UTC)
            found.update(milliseconds(midnight) + delta for delta in (-1, 0, 1))
        leap = datetime.datetime(year, 2, 28, 12, 30, tzinfo=UTC) + DAY
        found.add(milliseconds(leap))
    while len(found) < count:
        found.add(draw.randrange(LAST + 1))
    return [EPOCH + each * MILLISECOND for each in sorted(found) if 0 <= each <= LAST]


def add_years(instant, years):
    try:
        return instant.replace(year=instant.year + years)
    except ValueError:
        if instant.year + years > 9999:
            return None
        return instant.replace(year=instant.year + years, day=28)


def rounded_up(instant, unit):
    """The next multiple of `unit` at or after the instant; None beyond the calendar."""
    try:
        return EPOCH + -((EPOCH - instant) // unit) * unit
    except OverflowError:
        return None


def shown(instant):
    return REFUSED if instant is None else text(instant)


def user_inputs(draw, count):
    """Spellings of instants, with what they mean."""
    for instant in instants(draw, count):
        offset = draw.choice((0, 60, -60, 330, -570, 840, -720, 1439, -1439, draw.randrange(1440)))
        zone = datetime.timezone(datetime.timedelta(minutes=offset))
        try:
            local = instant.astimezone(zone)
        except OverflowError:
            continue
        if local.year < 1970:
            continue
        spelling = local.isoformat(sep=draw.choice("Tt "), timespec="milliseconds")
        if instant.microsecond == 0 and draw.random() < 0.5:
            spelling = local.isoformat(sep="T", timespec="seconds")
        if offset == 0:
            spelling = spelling.replace("+00:00", draw.choice(("Z", "z", "+00:00", "-00:00")))
        assert milliseconds(
            datetime.datetime.fromisoformat(spelling.replace("t", "T").replace("z", "Z"))
        ) == milliseconds(instant)
        yield spelling, instant
    for _ in range(count // 10):
        day = EPOCH + draw.randrange(2_932_897) * DAY
        yield day.strftime("%Y-%m-%d"), day


def table(header, rows):
    lines = ["\t".join(header)] + ["\t".join(str(cell) for cell in row) for row in rows]
    return "\n".join(lines) + "\n"


def build():
    draw = random.Random(20261121)
    return {
        "calendar/instants.tsv": table(
            ("milliseconds", "text"),
            [(milliseconds(each), text(each)) for each in instants(draw, 1_000)],
        ),
        "calendar/years.tsv": table(
            ("from", "years", "to"),
            [
                (text(each), years, shown(add_years(each, years)))
                for each in instants(draw, 500)
                for years in (1, 7, draw.choice((3, 4, 10, 30, 96, 100, 400, 7_973, 8_029)))
            ],
        ),
        "calendar/rounding.tsv": table(
            ("from", "second", "midnight"),
            [
                (text(each), shown(rounded_up(each, SECOND)), shown(rounded_up(each, DAY)))
                for each in instants(draw, 500)
            ],
        ),
        "calendar/user-input.tsv": table(
            ("input", "milliseconds"),
            [(spelling, milliseconds(each)) for spelling, each in user_inputs(draw, 500)],
        ),
    }
