"""What custody asks about an officer who approves: is this sign-in his, is this post his.

Whoever signs an ID token can have certificates sealed. So the keys that count here are pinned by
their thumbprints (RFC 7638): a provider that publishes another key, or somebody who answers in its
place, signs people in but approves nothing.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from idp.errors import InvalidTokenError, NotPermittedError
from idp.faults import TokenFault
from idp.officers import Officers, Post
from idp.provider_keys import SigningKey
from idp.separation import verify_may_authorise
from idp.signed_tokens import SigningKeys
from idp.tokens import VerifiedClaims, verify_id_token


@dataclass(frozen=True, slots=True)
class PinnedKeys:
    """Those keys of an issuer whose thumbprints are known beforehand."""

    keys: SigningKeys
    """Where the keys come from; not believed by itself."""
    thumbprints: AbstractSet[str]
    """RFC 7638, SHA-256, base64url."""

    @property
    def oidc_issuer(self) -> str:
        """The issuer, octet for octet."""
        return self.keys.oidc_issuer

    def key(self, kid: str, alg: str, *, at: datetime) -> SigningKey:
        """Return the key with this id; raise `InvalidTokenError` unless it is a pinned one.

        Raise `ProviderUnavailableError` when it cannot be had.
        """
        key = self.keys.key(kid, alg, at=at)
        if key.thumbprint() not in self.thumbprints:
            raise InvalidTokenError(TokenFault.UNKNOWN_KEY)
        return key


@dataclass(frozen=True, slots=True)
class ApprovalSignIns:
    """Verifies sign-ins that approve, and the posts of who signed in."""

    keys: SigningKeys
    client_id: str
    """The client that officers approve through, and nothing else is done with."""
    officers: Officers

    def verify_sign_in(
        self,
        unverified_id_token: str,
        *,
        nonce: str,
        thumbprints: AbstractSet[str],
        at: datetime,
    ) -> VerifiedClaims:
        """Return what the ID token says, if a pinned key signed it for this client and nonce.

        Raise `InvalidTokenError`, and `ProviderUnavailableError` when the keys cannot be had. Which
        levels and which age are enough is for custody to judge.
        """
        return verify_id_token(
            unverified_id_token,
            provider=PinnedKeys(self.keys, thumbprints),
            client_id=self.client_id,
            nonce=nonce,
            access_token=None,
            at=at,
        )

    def verify_post(self, account: str, post: str, *, authority: str, at: datetime) -> None:
        """Raise `NotPermittedError` unless the officer holds the post at the authority at `at`.

        Whoever keeps the seal is asked for his post when he authorises its use, and must neither
        draft nor seal.
        """
        officer = self.officers.of_account(account, at=at)
        if officer is None:
            raise NotPermittedError("no officer")
        if post == Post.SEAL_KEEPING:
            verify_may_authorise(officer, authority, at=at)
        else:
            officer.verify_holds(Post(post), authority, at=at)
