"""Second factors in the realm's words, put there by us: Keycloak's own pages bind none.

Injection is the one way that has no page which could stay open, and no password alone ever starts.
"""

import base64
import json

from idp.one_time_codes import DIGITS, PERIOD_SECONDS, CodeSecret
from idp.passkeys import Passkey

ONE_TIME_CODE = "otp"
PASSKEY = "webauthn-passwordless"
"""What the realm's flow asks for at levels 2 and 3 (`idp.realm.flows`)."""
SECOND_FACTORS = frozenset({ONE_TIME_CODE, PASSKEY, "webauthn", "recovery-authn-codes"})
"""All kinds there may be from another time."""


def code_credential(secret: CodeSecret, *, label: str) -> dict[str, object]:
    """Return the credential of an authenticator application."""
    return {
        "type": ONE_TIME_CODE,
        "userLabel": label,
        "secretData": json.dumps({"value": secret.text}),
        "credentialData": json.dumps(
            {
                "subType": "totp",
                "digits": DIGITS,
                "counter": 0,
                "period": PERIOD_SECONDS,
                "algorithm": "HmacSHA1",
            }
        ),
    }


def passkey_credential(passkey: Passkey, *, label: str) -> dict[str, object]:
    """Return the credential of a passkey; two of its texts are base64, each in its own spelling."""
    return {
        "type": PASSKEY,
        "userLabel": label,
        "secretData": "{}",
        "credentialData": json.dumps(
            {
                "aaguid": str(passkey.aaguid),
                "credentialId": base64.b64encode(passkey.credential_id).decode("ascii"),
                "counter": passkey.counter,
                "credentialPublicKey": base64.urlsafe_b64encode(passkey.public_key)
                .rstrip(b"=")
                .decode("ascii"),
                "attestationStatementFormat": "none",
                "transports": list(passkey.transports),
            }
        ),
    }
