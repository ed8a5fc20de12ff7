"""Seals for tests: a seal maker and a unit, and every odd use that can be freshly signed.

    office = SealOffice.create()                        # PKI, unit, maker, one seal
    signature = office.apply()                          # a right seal signature over DATA
    stolen = office.apply(signer=stranger)              # signed by whoever asks
    late = office.apply(signed_at=…)
    short = office.make_seal(valid_to=…)                # another seal by the same maker

Nothing is refused here: what is wrong shall be found by the checks.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from simulators.pki import AT, NOT_AFTER, NOT_BEFORE, Issued, Pki

from signing.canonical import sm3
from signing.eseal import ESeal, SealSignature
from signing.eseal_write import (
    SealDescription,
    assemble_seal,
    assemble_seal_signature,
    build_seal_info,
    build_tbs_sign,
)
from signing.picture import SealPicture
from signing.sm2 import sign_digest

DATA = b"what is sealed"
DATA_DIGEST = sm3(DATA)
PROPERTY_INFO = "[0 1024 33792 4096]"
SEAL_ID = "99990100000001"
SEAL_NAME = "示例市青禾区市场监督管理局"
PICTURE = SealPicture.from_alpha(
    bytes((x * y) % 256 for y in range(16) for x in range(16)),
    width_px=16,
    height_px=16,
    colour=(230, 0, 18),
    width_mm=42,
    height_mm=42,
)


@dataclass(frozen=True, slots=True)
class SealOffice:
    """Who makes seals and who uses them, with the keys of all."""

    pki: Pki
    maker: Issued
    unit: Issued
    eseal: ESeal
    """Lists the unit, made at `AT`, valid as long as the certificates are."""

    @classmethod
    def create(cls, pki: Pki | None = None) -> "SealOffice":
        """Make everything anew, below `pki` or a new one."""
        pki = pki or Pki.create()
        maker, unit = pki.issue_seal_maker(), pki.issue_unit()
        return cls(pki, maker, unit, seal_of(maker, description_for(pki, unit)))

    def make_seal(self, *, maker: Issued | None = None, **changes: Any) -> ESeal:  # noqa: ANN401 - fields of SealDescription
        """Make a seal whose description differs by `changes`, by this maker or another."""
        return seal_of(maker or self.maker, description_for(self.pki, self.unit, **changes))

    def apply(
        self,
        *,
        eseal: ESeal | None = None,
        signer: Issued | None = None,
        signed_at: datetime = AT,
        data_digest: bytes = DATA_DIGEST,
        property_info: str = PROPERTY_INFO,
    ) -> SealSignature:
        """Apply the seal, or another one; as the unit, or as somebody else."""
        signer = signer or self.unit
        tbs = build_tbs_sign(
            eseal=eseal or self.eseal,
            signer_cert=signer.cert,
            signed_at=signed_at,
            data_digest=data_digest,
            property_info=property_info,
        )
        return assemble_seal_signature(tbs, sign_digest(signer.key, tbs.digest))


def description_for(pki: Pki, unit: Issued, **changes: Any) -> SealDescription:  # noqa: ANN401 - fields of SealDescription
    """Describe a seal of `unit`; `changes` are fields with other values."""
    fields: dict[str, Any] = {
        "seal_id": SEAL_ID,
        "vendor_id": "Zhengyin",
        "kind": 1,
        "name": SEAL_NAME,
        "listed_certs": (unit.cert,),
        "created_at": AT,
        "valid_from": NOT_BEFORE,
        "valid_to": NOT_AFTER,
        "picture": PICTURE,
        "ca_certs": pki.intermediates,
    }
    return SealDescription(**(fields | changes))


def seal_of(maker: Issued, description: SealDescription) -> ESeal:
    """Make the seal as `maker`."""
    return seal_of_info(maker, build_seal_info(description))


def seal_of_info(maker: Issued, info_der: bytes) -> ESeal:
    """Sign any SES_SealInfo as `maker`; raises what `ESeal.parse` raises."""
    digest = maker.key.public_key.digest(info_der)
    return assemble_seal(info_der, maker.cert, sign_digest(maker.key, digest))
