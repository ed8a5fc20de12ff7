"""Check 6: what was added to the file after it was sealed."""

from verify.reading import FoundSignature, LaterChanges
from verify.report import Check, ReasonCode, Step

_NOTHING_MAY_CHANGE = 1  # ISO 32000-1, table 254: /P of DocMDP


def check_changes(found: FoundSignature, *, is_certificate: bool, is_covered: bool) -> Check:
    """Allow validation data; a certificate takes nothing else after its seal.

    In a foreign file that certifies nothing others may sign what they add (`is_covered`: the whole
    file is under some signature), and people are told that it grew. Which forms and notes another
    one allows (DocMDP 2 and 3) is not told apart yet, so it cannot be confirmed.
    """
    code = ReasonCode.OK
    if found.later_changes is LaterChanges.OTHER:
        if is_certificate or found.doc_mdp == _NOTHING_MAY_CHANGE:
            code = ReasonCode.CHANGED_AFTER_SEALING
        elif not is_covered:
            code = ReasonCode.BYTES_NOT_COVERED
        elif found.doc_mdp is None:
            code = ReasonCode.CHANGED_LATER
        else:
            code = ReasonCode.UNSUPPORTED_SIGNATURE
    return Check(Step.LATER_CHANGES, code)
