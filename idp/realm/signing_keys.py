"""What a signing key is known by."""

import base64

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from idp.errors import ProviderUnavailableError
from idp.faults import ProviderFault


def thumbprint(public_key: str) -> str:
    """Return the thumbprint (RFC 7638, SHA-256) of a public key in base64 DER, as Keycloak has it.

    Raise `ProviderUnavailableError` for a key of a kind that signs no tokens.
    """
    pem = b"-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n"
    lines = base64.encodebytes(base64.b64decode(public_key)).strip()
    for kind in (RSAKey, ECKey):
        try:
            return kind.import_key(pem % lines).thumbprint()
        except (JoseError, ValueError, TypeError):
            continue
    raise ProviderUnavailableError(ProviderFault.MALFORMED_KEYS)
