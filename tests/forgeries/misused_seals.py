"""Check 4: seals that are forged, out of time, in the wrong hand or on the wrong page."""

from dataclasses import replace
from datetime import timedelta

from forgeries.forgery import Attacker, forgery
from forgeries.scene import CHECKED, SEALED, Scene
from forgeries.workshop import get, put, reseal, ses

from signing import der
from signing.eseal import ESeal
from signing.x509 import DistinguishedName
from verify.report import ReasonCode

DAY = timedelta(days=1)

DIFFERS = ReasonCode.DIFFERS_FROM_REGISTER
NOT_IN_REGISTER = ReasonCode.NOT_IN_REGISTER

FORGED = ReasonCode.SEAL_FORGED
NOT_LISTED = ReasonCode.SIGNER_NOT_IN_SEAL
OUT_OF_TIME = ReasonCode.SEAL_NOT_VALID_THEN
NOT_THE_AUTHORITY = ReasonCode.SIGNER_IS_NOT_THE_AUTHORITY

PROPERTY, PICTURE = (0, 2), (0, 3)
"""Places in a SESeal."""
NAME, CERT_LIST, VALID_TO = (*PROPERTY, 1), (*PROPERTY, 3), (*PROPERTY, 6)


def _altered_seal(eseal: ESeal, path: tuple[int, ...], element: bytes) -> ESeal:
    return ESeal.parse(put(eseal.der, path, element))


# The seal maker never signed it


@forgery(Attacker.FORMER_KEEPER, "the seal: validEnd", FORGED, DIFFERS)
def seal_prolonged(scene: Scene) -> bytes:
    """Write a later end into a seal that has expired, and use it."""
    expired = scene.make_seal(valid_to=SEALED - DAY)
    prolonged = _altered_seal(expired, VALID_TO, der.generalized_time(CHECKED))
    return reseal(scene.licence.data, ses(prolonged, scene.market.unit, SEALED))


@forgery(Attacker.OTHER_AUTHORITY, "the seal: its list", FORGED, NOT_THE_AUTHORITY, NOT_IN_REGISTER)
def list_extended(scene: Scene) -> bytes:
    """Write one's own certificate into the list of another authority's seal."""
    own = der.sequence(der.octet_string(scene.other.unit.cert.der))
    extended = _altered_seal(scene.market.eseal, CERT_LIST, own)
    return reseal(scene.licence.data, ses(extended, scene.other.unit, SEALED))


@forgery(
    Attacker.OTHER_AUTHORITY, "the seal: its picture", FORGED, NOT_THE_AUTHORITY, NOT_IN_REGISTER
)
def picture_put_into_a_seal(scene: Scene) -> bytes:
    """Put the picture of another authority's seal into one's own."""
    picture = get(scene.market.eseal.der, PICTURE)
    taken = _altered_seal(scene.other.eseal, PICTURE, picture)
    own = scene.content(seal_id=taken.seal_id)
    return scene.seal(scene.draw(own), ses(taken, scene.other.unit, SEALED))


# The right seal in the wrong hand, or at the wrong time


@forgery(Attacker.OTHER_AUTHORITY, "the signer", NOT_LISTED, NOT_THE_AUTHORITY, NOT_IN_REGISTER)
def seal_taken_from_a_file(scene: Scene) -> bytes:
    """Apply the genuine seal of another authority, which stands in each of its files."""
    return reseal(scene.licence.data, ses(scene.market.eseal, scene.other.unit, SEALED))


@forgery(Attacker.UNIT_CA, "the signer: renewed, the seal not", NOT_LISTED, DIFFERS)
def certificate_renewed_without_the_seal(scene: Scene) -> bytes:
    """Use the seal with a new certificate of the same unit that its list does not name."""
    renewed = scene.issue_unit()
    return reseal(scene.licence.data, ses(scene.market.eseal, renewed, SEALED))


@forgery(Attacker.FORMER_KEEPER, "the seal: expired", OUT_OF_TIME, DIFFERS)
def seal_expired(scene: Scene) -> bytes:
    """Use the seal a day after it expired."""
    expired = scene.make_seal(valid_to=SEALED - DAY)
    return reseal(scene.licence.data, ses(expired, scene.market.unit, SEALED))


@forgery(Attacker.OFFICE, "the seal: not valid yet", OUT_OF_TIME, DIFFERS)
def seal_used_early(scene: Scene) -> bytes:
    """Use the seal a day before its time begins."""
    early = scene.make_seal(valid_from=SEALED + DAY)
    return reseal(scene.licence.data, ses(early, scene.market.unit, SEALED))


@forgery(Attacker.SEAL_MAKER, "the seal: made later", OUT_OF_TIME, DIFFERS)
def seal_made_after_its_use(scene: Scene) -> bytes:
    """Make the seal after the day on which it claims to have been used."""
    late = scene.make_seal(created_at=SEALED + DAY)
    return reseal(scene.licence.data, ses(late, scene.market.unit, SEALED))


# Another unit than the authority


@forgery(Attacker.OTHER_AUTHORITY, "the authority", NOT_THE_AUTHORITY, NOT_IN_REGISTER)
def licence_of_another_district(scene: Scene) -> bytes:
    """Seal a licence of the neighbouring district with one's own seal, right in all but that."""
    own = scene.content(
        seal_id=scene.other.eseal.seal_id,
        seal_picture_sm3=scene.other.picture.sm3,
    )
    return scene.seal(scene.draw(own), scene.other.seal(), picture=scene.other.picture)


@forgery(Attacker.OTHER_AUTHORITY, "the authority (CMS)", NOT_THE_AUTHORITY, NOT_IN_REGISTER)
def card_of_another_authority(scene: Scene) -> bytes:
    """Sign the card of another authority, that one's picture on it: a CMS holds no seal."""
    return reseal(scene.card.data, scene.other.cms())


@forgery(
    Attacker.SEAL_MAKER,
    "the seal: in the authority's name, for another unit",
    NOT_THE_AUTHORITY,
    NOT_IN_REGISTER,
)
def seal_made_for_another_unit(scene: Scene) -> bytes:
    """Make a seal with the authority's name and picture and list another unit in it."""
    false = scene.make_seal(listed_certs=(scene.other.unit.cert,))
    return reseal(scene.licence.data, ses(false, scene.other.unit, SEALED))


@forgery(
    Attacker.UNIT_CA,
    "the signer: the authority's name, its own code",
    NOT_THE_AUTHORITY,
    NOT_IN_REGISTER,
)
def unit_that_took_the_name(scene: Scene) -> bytes:
    """Get a certificate with the authority's name and one's own unit code, and a seal for it."""
    name = replace(scene.market.name, uscc=scene.other.name.uscc)
    return _seal_as(scene, name)


@forgery(Attacker.UNIT_CA, "the signer: no code", NOT_THE_AUTHORITY, ReasonCode.STATUS_NOT_ASKED)
def unit_without_a_code(scene: Scene) -> bytes:
    """Get a certificate with the authority's name and no unit code at all."""
    return _seal_as(scene, replace(scene.market.name, uscc=None))


def _seal_as(scene: Scene, name: DistinguishedName) -> bytes:
    unit = scene.issue_unit(name)
    false = scene.make_seal(listed_certs=(unit.cert,))
    return reseal(scene.licence.data, ses(false, unit, SEALED))
