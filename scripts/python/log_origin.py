"""What a log says of its keys, and of the log that it goes on for. A part of `log_fold`."""

import base64

from cryptography.exceptions import InvalidSignature
from verify_receipt import Checkpoint, Refused, VerifierKey


class Origin:
    """The part of the fold that knows the keys and the predecessor."""

    def check_creation(self, index, record):
        self.keys = record["verifierKeys"]
        self.founders = record["founders"]
        if "predecessor" in record:
            self.check_predecessor(index, record)

    def on_key_rotated(self, index, record, received):
        """The new key follows the present one, and both have signed that."""
        new, old = record["key"], record["previous"]
        self.require(old == self.keys[-1], index, f"the key was {self.keys[-1]}")
        self.require(new not in self.keys, index, "the log had that key before")
        self.require(record["size"] == index + 1, index, f"the size is {index + 1}")
        name = VerifierKey(new).name
        self.require(name == VerifierKey(old).name, index, f"{name} is another log")
        statement = f"strongroom key rotation v1\n{name}\n{old}\n{new}\n".encode()
        for text, member in ((new, "key"), (old, "previous")):
            signature = base64.b64decode(record["signatures"][member], validate=True)
            try:
                VerifierKey(text).public.verify(signature, statement)
            except InvalidSignature:
                self.finding(index, f"not signed by {text}")
        self.keys = [*self.keys, new]

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
