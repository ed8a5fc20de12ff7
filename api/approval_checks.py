"""Introduces to custody those who know officers: neither side knows the other."""

from dataclasses import dataclass
from datetime import datetime

from api.settings import Settings
from hsm.errors import ApprovalRejectedError, SignInUnverifiableError
from hsm.pinned_keys import read_pinned_keys
from idp.approvals import ApprovalSignIns
from idp.errors import IdentityError, ProviderUnavailableError
from idp.officers import Officers
from idp.signed_tokens import SigningKeys
from idp.tokens import VerifiedClaims


@dataclass(frozen=True, slots=True)
class OfficerChecks:
    """Answers `hsm.permissions.SignInChecks` by what `idp.approvals` knows.

    The pinned keys are read each time: `realm apply` may come after the start.
    """

    settings: Settings
    sign_ins: ApprovalSignIns

    def verify_sign_in(
        self, unverified_id_token: str, *, nonce: str, at: datetime
    ) -> VerifiedClaims:
        """Return the sign-in; raise `ApprovalRejectedError` unless the token is one for this.

        Raise `SignInUnverifiableError` when the provider's keys cannot be had.
        """
        thumbprints = read_pinned_keys(
            self.settings.custody.approval_keys,
            self.settings.data,
            oidc_issuer=self.sign_ins.keys.oidc_issuer,
            client_id=self.sign_ins.client_id,
        )
        try:
            return self.sign_ins.verify_sign_in(
                unverified_id_token, nonce=nonce, thumbprints=thumbprints, at=at
            )
        except ProviderUnavailableError as error:
            raise SignInUnverifiableError(str(error)) from error
        except IdentityError as error:
            raise ApprovalRejectedError(str(error)) from error

    def verify_post(self, account: str, post: str, *, authority: str, at: datetime) -> None:
        """Raise `ApprovalRejectedError` unless the officer holds the post at the authority now."""
        try:
            self.sign_ins.verify_post(account, post, authority=authority, at=at)
        except IdentityError as error:
            raise ApprovalRejectedError(error.code) from error


def officer_checks(settings: Settings, keys: SigningKeys, officers: Officers) -> OfficerChecks:
    """Return what custody is to be introduced to: `office.permissions.introduce(…)`."""
    sign_ins = ApprovalSignIns(keys, settings.identity.approval_client_id, officers)
    return OfficerChecks(settings, sign_ins)
