"""The checks of an e-seal and of a seal signature, one function each.

Steps of GB/T 38540-2020 (the same as GM/T 0031-2014), with what GM/T 0031-2025 adds, to be ticked
off. Each function raises the errors its docstring names and no others, and none relies on another
having passed: a verifier may run all that can still run. The form (steps 1 and a) is the parser's.

A seal: GB/T 38540-2020, 6.3; GM/T 0031-2014, 6.1.2
  1  format                                     `ESeal.parse`
  2  the maker's signature over SES_SealInfo    `verify_maker_signature`
  3  (2025) made before it was used             `verify_creation_time`
  4  the maker's certificate: chain, usage, valid when the seal was made
                                                `x509_path.build_path`, `verify_maker_cert`
  5  validStart … validEnd                      `verify_seal_period`
  6  (2025) the time stamp of a version 5 seal: version 5 is not read yet
  7  all passed

A seal signature: GB/T 38540-2020, 7.3; GM/T 0031-2014, 6.2.3
  a  format                                     `SealSignature.parse`
  b  the signature value over TBS_Sign          `verify_signature_value`
  -  the signer is in the seal's list (2020)    `verify_signer_in_list`
  c  the signer's certificate: chain, usage     `x509_path.build_path`, `verify_signer_cert`
  d  the signing time against that certificate  `verify_signing_time`
     revoked before the signing time: whoever knows of revocations decides
  e  the digest of the protected data           `verify_data_digest`
  f  the seal: steps 2 to 5, with the signing time as "now"
  g  all passed

A time stamp in the signature is read (`SealSignature.time_stamp`) but not verified yet: it proves
nothing until it is. A maker's certificate that expired or was revoked after it made the seal does
not harm the seal (GM/T 0031-2025); the older text would refuse it.
"""

from collections.abc import Sequence
from datetime import datetime

from signing.errors import (
    ChainNotAllowedError,
    DigestMismatchError,
    InvalidSignatureError,
    SealForgedError,
    SealNotValidThenError,
)
from signing.eseal import ESeal, SealSignature
from signing.sm2 import verify_digest
from signing.x509 import ExtendedKeyUsage, SigningCert
from signing.x509_path import verify_path_usage, verify_path_validity


def verify_maker_signature(eseal: ESeal) -> None:
    """GB/T 38540-2020, 6.3, step 2: the maker signed SES_SealInfo.

    Raise `SealForgedError` otherwise.
    """
    maker_key = eseal.maker_cert.public_key
    try:
        verify_digest(maker_key, maker_key.digest(eseal.info_der), eseal.signature_der)
    except InvalidSignatureError:
        raise SealForgedError from None


def verify_creation_time(eseal: ESeal, at: datetime) -> None:
    """GM/T 0031-2025, seal step 3: the seal was made at or before `at`, the time of its use.

    Raise `SealNotValidThenError` otherwise.
    """
    if eseal.created_at > at:
        raise SealNotValidThenError("used before it was made")


def verify_maker_cert(eseal: ESeal, path: Sequence[SigningCert]) -> None:
    """GB/T 38540-2020, 6.3, step 4: `path` lets the maker make seals, and did when it made this.

    `path` leads from the maker's certificate to an anchor (`x509_path.build_path`). Raise
    `ChainNotAllowedError` or `OutsideValidityError` otherwise.
    """
    _verify_starts_with(path, eseal.maker_cert)
    verify_path_usage(path, ExtendedKeyUsage.SEAL_MAKING)
    verify_path_validity(path, eseal.created_at)


def verify_seal_period(eseal: ESeal, at: datetime) -> None:
    """GB/T 38540-2020, 6.3, step 5, and 7.3, step f: `at` lies in validStart … validEnd.

    Raise `SealNotValidThenError` otherwise.
    """
    if not eseal.valid_from <= at <= eseal.valid_to:
        raise SealNotValidThenError("outside the seal's validity")


def verify_signature_value(signature: SealSignature) -> None:
    """GB/T 38540-2020, 7.3, step b: the signer signed TBS_Sign.

    Raise `InvalidSignatureError` otherwise.
    """
    signer_key = signature.signer_cert.public_key
    verify_digest(signer_key, signer_key.digest(signature.tbs_der), signature.signature_der)


def verify_signer_in_list(signature: SealSignature) -> None:
    """GB/T 38540-2020, 7.3, after step b: the seal's certList names the signer's certificate.

    Raise `SignerNotInSealError` otherwise.
    """
    signature.eseal.verify_lists(signature.signer_cert)


def verify_signer_cert(signature: SealSignature, path: Sequence[SigningCert]) -> None:
    """GB/T 38540-2020, 7.3, step c: `path` lets the signer seal for a unit; times are step d.

    `path` leads from the signer's certificate to an anchor (`x509_path.build_path`). Raise
    `ChainNotAllowedError` otherwise.
    """
    _verify_starts_with(path, signature.signer_cert)
    verify_path_usage(path, ExtendedKeyUsage.UNIT_SEALING)


def verify_signing_time(signature: SealSignature, path: Sequence[SigningCert]) -> None:
    """GB/T 38540-2020, 7.3, step d: the certificates of `path` were valid at the signing time.

    Raise `OutsideValidityError` otherwise, `ChainNotAllowedError` if it is another's path.
    """
    _verify_starts_with(path, signature.signer_cert)
    verify_path_validity(path, signature.signed_at)


def verify_data_digest(signature: SealSignature, digest: bytes) -> None:
    """GB/T 38540-2020, 7.3, step e: `digest` is SM3 of the protected data as they are now.

    Raise `DigestMismatchError` if another one was signed.
    """
    if signature.data_digest != digest:
        raise DigestMismatchError


def _verify_starts_with(path: Sequence[SigningCert], leaf: SigningCert) -> None:
    if not path or path[0] != leaf:
        raise ChainNotAllowedError("the path of another certificate")
