"""The second opinion on a whole log, at the end of a test."""

import check_log

from .waiting import check


def audit(client, key, descriptions=None, what="the log"):
    """Folds every act anew and fails with the first findings; returns the folded log.

    `client`: one that may read all entries. `descriptions`: index -> description of sealed records.
    """

    def fetch(target):
        reply = client.get(target)
        check(reply.status == 200, lambda: f"{target}: {reply}")
        return reply.body

    log, _ = check_log.read_log(fetch, key, descriptions)
    check(
        not log.findings,
        lambda: f"{what}: {len(log.findings)} findings: " + "; ".join(log.findings[:5]),
    )
    return log


def agree(client, log, index):
    """The server's answer about one lock is what its records say."""
    reply = client.lock(index)
    check(reply.status == 200, lambda: f"lock of {index}: {reply}")
    value, evidence = reply.json, log.evidence[index]
    check(value["lock"] == evidence.lock, lambda: f"{index}: {value}, not {evidence.lock}")
    check(value.get("erased") == evidence.erased, lambda: f"{index}: erased by {evidence.erased}")
    held = log.holding(index)
    check(
        sorted(value["holds"]) == held or evidence.erased is not None,
        lambda: f"{index}: held for {value['holds']}, not {held}",
    )
