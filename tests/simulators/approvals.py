"""Officers who approve, as custody sees them: tokens that say what a test wants, and posts held.

The tokens have the form of ID tokens and are signed by nobody: `SimulatedSignIns` believes them, as
`idp.approvals` believes those of the provider. It keeps nothing, so another process believes the
same.
"""

import base64
import json
from dataclasses import dataclass
from datetime import datetime

from hsm.approvals import SealingApproval
from hsm.errors import ApprovalRejectedError
from hsm.permits import DraftRef, SealingAuthorisation, nonce_of

SEALER, OTHER_SEALER, KEEPER = "account-sealer", "account-other-sealer", "account-keeper"
DRAFTER = "account-drafter"
_POSTS = {"sealing": {SEALER, OTHER_SEALER}, "seal_keeping": {KEEPER}}


@dataclass(frozen=True, slots=True)
class SimulatedSignIn:
    """What one of the tokens says."""

    account: str
    level: int
    identity_level: int
    authenticated_at: datetime


@dataclass(frozen=True, slots=True)
class SimulatedSignIns:
    """Believes the tokens of this module, and knows who holds which post, at every authority."""

    def verify_sign_in(
        self, unverified_id_token: str, *, nonce: str, at: datetime
    ) -> SimulatedSignIn:
        """Return what the token says, if it is for this nonce."""
        try:
            payload = unverified_id_token.split(".")[1]
            said = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
            if said["nonce"] != nonce:
                raise ApprovalRejectedError("another nonce")
            return SimulatedSignIn(
                said["sub"],
                said["level"],
                said["identity_level"],
                datetime.fromisoformat(said["at"]),
            )
        except (IndexError, KeyError, ValueError):
            raise ApprovalRejectedError("no token of ours") from None

    def verify_post(self, account: str, post: str, *, authority: str, at: datetime) -> None:
        """Raise unless the account is one of those above."""
        if account not in _POSTS.get(post, ()):
            raise ApprovalRejectedError("not his post")


def id_token(
    account: str, nonce: str, *, at: datetime, level: int = 2, identity_level: int = 3
) -> str:
    """Return a token that says this."""
    said = {
        "sub": account,
        "nonce": nonce,
        "at": at.isoformat(),
        "level": level,
        "identity_level": identity_level,
    }
    payload = base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")
    return f"e30.{payload}.c2ln"


def approve(
    *drafts: DraftRef, authority: str, at: datetime, officer: str = SEALER
) -> SealingApproval:
    """Return the approval of a list of drafts, given at `at`."""
    return SealingApproval(
        officer=officer,
        authority=authority,
        id_token=id_token(officer, nonce_of(drafts), at=at),
        drafts=drafts,
        asked_at=at,
    )


def keepers_token(authorisation: SealingAuthorisation, *, at: datetime) -> str:
    """Return the token by which the seal keeper gives an authorisation."""
    return id_token(KEEPER, authorisation.nonce, at=at)
