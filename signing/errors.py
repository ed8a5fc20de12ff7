"""The errors of `signing`, each with a stable code that reports and problem answers repeat.

SigningError
├── BackendUnavailableError     sm2_unavailable              no OpenSSL with SM2 and SM3 here
├── InvalidKeyError             invalid_key                  no scalar or point of the SM2 curve
├── InvalidSignatureError       signature_wrong
├── UnsupportedAlgorithmError   algorithm_not_allowed
├── MalformedSigningCertError   malformed_signing_cert
├── MalformedCmsError           malformed_cms
├── MalformedSealError          malformed_seal
├── MalformedPictureError       malformed_picture
├── MalformedPdfError           malformed_document
│   └── UnsupportedPdfError     unsupported_document         a PDF, but not of the kind we read
├── BytesNotCoveredError        bytes_not_covered
├── ContentsTooLargeError       contents_too_large           the signature outgrew its placeholder
├── DamagedEnvelopeError        damaged_envelope
├── NotCanonicalError           not_canonical                a value that RFC 8785 cannot write
├── NoPathError                 unknown_anchor
├── ChainNotAllowedError        chain_not_allowed
├── OutsideValidityError        certificate_not_valid_then
├── SignerNotInSealError        signer_not_in_seal
├── SealNotValidThenError       seal_not_valid_then
├── SealForgedError             seal_forged
└── DigestMismatchError         document_changed
"""

from typing import ClassVar


class SigningError(Exception):
    """Something about a key, a signature or a signed format is not as it must be."""

    code: ClassVar[str]


class BackendUnavailableError(SigningError):
    """No OpenSSL with SM2 and SM3 can be used here, or it gives wrong answers."""

    code = "sm2_unavailable"


class InvalidKeyError(SigningError):
    """The octets are not a key of the SM2 curve (GB/T 32918.1, 6.1 and 6.2)."""

    code = "invalid_key"


class InvalidSignatureError(SigningError):
    """The signature value is not one this key made over this digest."""

    code = "signature_wrong"


class UnsupportedAlgorithmError(SigningError):
    """The structure is signed or hashed by something else than SM2 with SM3."""

    code = "algorithm_not_allowed"


class MalformedSigningCertError(SigningError):
    """The octets are not an X.509 certificate or request as GB/T 20518 shapes it."""

    code = "malformed_signing_cert"


class MalformedCmsError(SigningError):
    """The octets are not a SignedData with one signer and its certificate."""

    code = "malformed_cms"


class MalformedSealError(SigningError):
    """The octets are not an e-seal or a seal signature of GB/T 38540."""

    code = "malformed_seal"


class MalformedPictureError(SigningError):
    """The octets are not a seal picture of the one kind we draw."""

    code = "malformed_picture"


class MalformedPdfError(SigningError):
    """The file cannot be read as a PDF within the rules of the reader."""

    code = "malformed_document"


class UnsupportedPdfError(MalformedPdfError):
    """The file is a PDF, but of a kind the strict reader does not read."""

    code = "unsupported_document"


class BytesNotCoveredError(SigningError):
    """Octets of the file lie outside what the signature covers."""

    code = "bytes_not_covered"


class ContentsTooLargeError(SigningError):
    """The signature does not fit into the room that was left for it."""

    code = "contents_too_large"


class DamagedEnvelopeError(SigningError):
    """An encrypted value was changed, cut, or belongs to another key or context."""

    code = "damaged_envelope"


class NotCanonicalError(SigningError):
    """The value has no canonical JSON form."""

    code = "not_canonical"


class NoPathError(SigningError):
    """No verified path leads from the certificate to a trust anchor."""

    code = "unknown_anchor"


class ChainNotAllowedError(SigningError):
    """The path exists, but usage, name or length constraints forbid it."""

    code = "chain_not_allowed"


class OutsideValidityError(SigningError):
    """A certificate of the path was not valid at the stated moment."""

    code = "certificate_not_valid_then"


class SignerNotInSealError(SigningError):
    """The signer's certificate is not in the seal's list."""

    code = "signer_not_in_seal"


class SealNotValidThenError(SigningError):
    """The seal was not valid at the time of signing."""

    code = "seal_not_valid_then"


class SealForgedError(SigningError):
    """The seal maker's signature over the seal is wrong."""

    code = "seal_forged"


class DigestMismatchError(SigningError):
    """The digest that was signed is not the digest of the data."""

    code = "document_changed"
