"""What a log says of the one that it goes on for. A part of `log_fold`."""

from verify_receipt import Checkpoint, Refused, VerifierKey


class Origin:
    """The part of the fold that knows the predecessor."""

    def check_predecessor(self, index, record):
        """Its checkpoint is signed, of another log, and what is lost begins where it ends."""
        found = record["predecessor"]
        self.require(set(found) <= {"checkpoint", "keys", "lost"}, index, f"{sorted(found)}")
        reason = "no keys"
        for text in found["keys"]:
            try:
                self.predecessor = Checkpoint(found["checkpoint"], VerifierKey(text))
                break
            except Refused as refusal:
                reason = refusal
        if not self.require(
            self.predecessor is not None, index, lambda: f"its predecessor: {reason}"
        ):
            return
        self.require(
            self.predecessor.origin != record["origin"], index, "it is its own predecessor"
        )
        if "lost" in found:
            first, last = self.lost = found["lost"]
            self.require(
                first == self.predecessor.size <= last, index, f"{first} to {last} cannot be lost"
            )
