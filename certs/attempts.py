"""Whether an attempt can be gone on with: the open use of its key, the time its file states."""

from datetime import datetime

from certs.sealing import Draft
from hsm.custody import CLOCK_TOLERANCE
from hsm.ledger import RESUME_WINDOW
from hsm.uses import KeyUse
from signing.pdf.placement import SignatureForm


def states_time(draft: Draft, at: datetime) -> bool:
    """Tell whether the file, if it states a time, states one that the custodian can believe.

    A time after `at` was stated by somebody who came later than this call: not too late.
    """
    stated = draft.prepared.form is SignatureForm.PADES
    return not stated or at - draft.reservation.prepared_at < CLOCK_TOLERANCE


def continues(draft: Draft, use: KeyUse, at: datetime) -> bool:
    """Tell whether an open use is one of this attempt, and can still be finished.

    A use opened before the attempt began belongs to one that was shut out: whoever shut it out is
    about to abandon it.
    """
    opening = use.opening
    signs_the_same = (opening.key, opening.digest, opening.draft_sm3) == (
        draft.key,
        draft.prepared.digest.hex(),
        draft.content.draft_sm3,
    )
    in_time = draft.reservation.prepared_at <= use.opened_at and at - use.opened_at < RESUME_WINDOW
    return signs_the_same and in_time and states_time(draft, at)
