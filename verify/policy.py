"""The policies by which a file is judged, and the anchors that are trusted."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import cached_property

SM2_WITH_SM3 = "1.2.156.10197.1.501"


@dataclass(frozen=True)
class VerificationPolicy:
    """The rules of a judgement; a report names them and their digest.

    There are two, `OFFICE` and `SEAL_ONLY`. Whether the register is asked is all they differ in.
    """

    name: str
    asks_register: bool
    signature_algorithms: tuple[str, ...] = (SM2_WITH_SM3,)
    clock_tolerance: timedelta = timedelta(minutes=5)
    """How far the clocks of signers may be ahead of ours."""

    @cached_property
    def sm3(self) -> str:
        """Lower-case hex SM3 of the rules as JSON with sorted keys and no spaces."""
        rules = asdict(self) | {"clock_tolerance": int(self.clock_tolerance.total_seconds())}
        text = json.dumps(rules, sort_keys=True, separators=(",", ":"))
        return hashlib.new("sm3", text.encode()).hexdigest()


OFFICE = VerificationPolicy(name="office", asks_register=True)
"""Ask the register: is it in force, and are these the octets that were issued?"""

SEAL_ONLY = VerificationPolicy(name="seal-only", asks_register=False)
"""Judge the file alone, against anchors that were handed over; the best verdict is `genuine`."""

POLICIES = {policy.name: policy for policy in (OFFICE, SEAL_ONLY)}
