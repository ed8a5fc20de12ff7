"""Check 4: the seal itself, whose it is, and whether what it shows is what was sealed."""

from signing.canonical import sm3
from signing.eseal import ESeal, SealSignature
from signing.eseal_checks import (
    verify_creation_time,
    verify_maker_signature,
    verify_seal_period,
    verify_signer_in_list,
)
from signing.x509 import SigningCert
from verify.reading import AttachedData, ShownPicture
from verify.report import Check, ReasonCode, Step
from verify.sealed_data import SealedData
from verify.steps import try_step


def check_seal(signature: SealSignature) -> list[Check]:
    """Try the steps of GB/T 38540-2020 that need nothing but the seal signature."""
    eseal, signed_at = signature.eseal, signature.signed_at
    return [
        try_step(Step.SEAL_MAKER_SIGNATURE, verify_maker_signature, eseal),  # 6.3, step 2
        try_step(Step.SIGNER_IN_SEAL, verify_signer_in_list, signature),  # 7.3, after step b
        try_step(Step.SEAL_CREATION, verify_creation_time, eseal, signed_at),
        try_step(Step.SEAL_PERIOD, verify_seal_period, eseal, signed_at),  # 7.3, step f
    ]


def check_authority(signer_cert: SigningCert, sealed_data: SealedData) -> Check:
    """Compare the unit of the signing certificate with the authority that issued."""
    code = ReasonCode.OK
    if signer_cert.subject.uscc != sealed_data.authority_uscc:
        code = ReasonCode.SIGNER_IS_NOT_THE_AUTHORITY
    return Check(Step.ISSUING_AUTHORITY, code)


def check_appearance(
    picture: ShownPicture | None, eseal: ESeal | None, attached: AttachedData
) -> Check:
    """Compare the picture on the page with the seal's, and its size.

    A foreign file may draw its seal in a way we cannot read, which proves nothing against it.
    """
    return Check(Step.APPEARANCE, _judge_appearance(picture, eseal, attached))


def _judge_appearance(
    picture: ShownPicture | None, eseal: ESeal | None, attached: AttachedData
) -> ReasonCode:
    if picture is None:
        if attached.is_certificate:
            return ReasonCode.CONTENT_SWAPPED
        return ReasonCode.UNSUPPORTED_SIGNATURE if eseal else ReasonCode.OK
    sealed_data = attached.sealed_data
    if eseal is not None and picture != ShownPicture(
        sm3(eseal.picture_data).hex(), eseal.width_mm, eseal.height_mm
    ):
        return ReasonCode.CONTENT_SWAPPED
    if sealed_data is not None and picture.sm3 != sealed_data.picture_sm3:
        return ReasonCode.CONTENT_SWAPPED
    return ReasonCode.OK


def check_attached_data(attached: AttachedData, eseal: ESeal | None) -> Check:
    """All readers find the same attachments, and the data name the seal that was used."""
    return Check(Step.ATTACHED_DATA, _judge_attached_data(attached, eseal))


def _judge_attached_data(attached: AttachedData, eseal: ESeal | None) -> ReasonCode:
    sealed_data = attached.sealed_data
    if attached.fault is not None:
        return attached.fault
    if eseal is not None and sealed_data is not None:
        used = (eseal.seal_id, sm3(eseal.picture_data).hex())
        if used != (sealed_data.seal_id, sealed_data.picture_sm3):
            return ReasonCode.CONTENT_SWAPPED
    return ReasonCode.OK
