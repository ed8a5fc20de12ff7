"""Check 5: right signatures by certificates that may not make them.

Each seal is in order, lists its signer and bears the authority's name; only who certified whom, for
what and until when is wrong.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from forgeries.forgery import Attacker, forgery
from forgeries.scene import CHECKED, EXPIRY, OPENED, SEALED, Scene
from forgeries.workshop import cms, reseal, ses
from simulators.pki import Issued, Pki

from signing import der
from signing.x509 import ExtendedKeyUsage, KeyUsage, SigningCert
from signing.x509_build import Profile, Role, encode_extension
from verify.report import ReasonCode

DAY = timedelta(days=1)
VALID: dict[str, Any] = {"not_before": OPENED, "not_after": EXPIRY}

UNKNOWN = ReasonCode.UNKNOWN_ANCHOR
NOT_ALLOWED = ReasonCode.CHAIN_NOT_ALLOWED
NOT_VALID_THEN = ReasonCode.CERTIFICATE_NOT_VALID_THEN
NOT_PROVEN = ReasonCode.TIME_NOT_PROVEN
DIFFERS = ReasonCode.DIFFERS_FROM_REGISTER

SIGNER_ROLE = Profile.UNIT.value
CA_ROLE = Profile.UNIT_CA.value


def _seal_as(
    scene: Scene, signer: Issued, *ca_certs: SigningCert, maker: Issued | None = None
) -> bytes:
    """Seal the licence as `signer`, whom a seal in the authority's name lists."""
    known = (scene.pki.unit_ca.cert, scene.pki.seal_maker_ca.cert)
    eseal = scene.make_seal(maker, listed_certs=(signer.cert,), ca_certs=(*known, *ca_certs))
    return reseal(scene.licence.data, ses(eseal, signer, SEALED))


# No path to an anchor


@forgery(Attacker.STRANGER, "the whole PKI", UNKNOWN)
def pki_of_the_same_names(scene: Scene) -> bytes:
    """Build root, CAs, seal maker, unit and seal with all the right names and keys of one's own."""
    own = _own_pki(scene)
    unit = own.unit_ca.issue(scene.market.name, **VALID)
    maker = own.seal_maker_ca.issue(scene.maker.cert.subject, Profile.SEAL_MAKER, **VALID)
    eseal = scene.make_seal(maker, listed_certs=(unit.cert,), ca_certs=own.intermediates)
    return reseal(scene.licence.data, ses(eseal, unit, SEALED))


@forgery(Attacker.STRANGER, "the whole PKI (CMS)", UNKNOWN)
def pki_of_the_same_names_for_a_card(scene: Scene) -> bytes:
    """Do the same for a card, whose CMS sends its own root along."""
    own = _own_pki(scene)
    unit = own.unit_ca.issue(scene.civil.name, **VALID)
    return scene.sign_card(cms(unit, own.unit_ca.cert, own.root.cert))


def _own_pki(scene: Scene) -> Pki:
    """Return a PKI whose certificates bear the names of the trusted ones."""
    names = [
        issued.cert.subject
        for issued in (scene.pki.root, scene.pki.unit_ca, scene.pki.seal_maker_ca)
    ]
    root_name, unit_ca_name, maker_ca_name = names
    root = Pki.create(not_before=OPENED, not_after=EXPIRY).root
    root = root.issue(root_name, Profile.ROOT, key=root.key, issuer_name=root_name, **VALID)
    return Pki(
        root,
        root.issue(unit_ca_name, Profile.UNIT_CA, **VALID),
        root.issue(maker_ca_name, Profile.SEAL_MAKER_CA, **VALID),
    )


@forgery(Attacker.OFFICE, "the seal maker: trusted by nobody", UNKNOWN, DIFFERS)
def seal_by_an_unknown_maker(scene: Scene) -> bytes:
    """Let a seal maker of no standing make a seal for the genuine unit, and use it."""
    own = _own_pki(scene)
    maker = own.seal_maker_ca.issue(scene.maker.cert.subject, Profile.SEAL_MAKER, **VALID)
    return _seal_as(scene, scene.market.unit, *own.intermediates, maker=maker)


@forgery(Attacker.STRANGER, "the CA of units: its key", UNKNOWN)
def ca_with_another_key(scene: Scene) -> bytes:
    """Sign a certificate as the CA of units, with all its names and identifiers and another key."""
    impostor = scene.pki.unit_ca.with_other_key()
    return _seal_as(scene, impostor.issue(scene.market.name, **VALID))


# A path that may not be used for this


@forgery(
    Attacker.SEAL_MAKER,
    "the signer: a seal maker",
    NOT_ALLOWED,
    ReasonCode.SIGNER_IS_NOT_THE_AUTHORITY,
)
def maker_that_seals(scene: Scene) -> bytes:
    """Use a seal with the certificate for making seals, which one has listed in it oneself."""
    return _seal_as(scene, scene.maker)


@forgery(Attacker.OTHER_AUTHORITY, "the seal maker: a unit", NOT_ALLOWED, DIFFERS)
def unit_that_makes_a_seal(scene: Scene) -> bytes:
    """Make a seal in another authority's name with a unit's certificate."""
    signer = scene.issue_unit()
    return _seal_as(scene, signer, maker=scene.other.unit)


@forgery(Attacker.OTHER_AUTHORITY, "the CA of the signer: a unit", NOT_ALLOWED)
def unit_that_certifies(scene: Scene) -> bytes:
    """Certify a key in another authority's name with a unit's certificate."""
    signer = scene.other.unit.issue(scene.market.name, **VALID)
    return _seal_as(scene, signer, scene.other.unit.cert)


@forgery(Attacker.OTHER_CA, "the CA of the signer: for time stamps", NOT_ALLOWED)
def ca_for_something_else(scene: Scene) -> bytes:
    """Certify a unit by a CA under the same root that may only certify time stamp authorities."""
    role = replace(CA_ROLE, extended_key_usage=ExtendedKeyUsage.TIME_STAMPING)
    authority = scene.pki.root.issue(scene.pki.unit_ca.cert.subject, role=role, **VALID)
    return _seal_as(scene, authority.issue(scene.market.name, **VALID), authority.cert)


@forgery(Attacker.OTHER_CA, "the CA of the maker: for units", NOT_ALLOWED, DIFFERS)
def maker_certified_for_units(scene: Scene) -> bytes:
    """Certify a seal maker by the CA that may only certify units."""
    name = scene.maker.cert.subject
    maker = scene.pki.unit_ca.issue(name, Profile.SEAL_MAKER, **VALID)
    return _seal_as(scene, scene.market.unit, maker=maker)


@forgery(Attacker.UNIT_CA, "a CA below the CA", NOT_ALLOWED)
def ca_below_a_ca_that_allows_none(scene: Scene) -> bytes:
    """Set up a CA below the CA of units, whose path length is 0."""
    name = replace(scene.pki.unit_ca.cert.subject, common_name="示例二级证书（测试）")
    below = scene.pki.unit_ca.issue(name, Profile.UNIT_CA, **VALID)
    return _seal_as(scene, below.issue(scene.market.name, **VALID), below.cert)


@forgery(Attacker.UNIT_CA, "the signer: usage of the key", NOT_ALLOWED)
def certificate_for_encryption(scene: Scene) -> bytes:
    """Seal with a unit's certificate whose key is for encryption."""
    role = Role((KeyUsage.KEY_ENCIPHERMENT,), ExtendedKeyUsage.UNIT_SEALING)
    return _seal_as(scene, scene.issue_unit(role=role))


@forgery(Attacker.UNIT_CA, "the signer: no usage named", NOT_ALLOWED)
def certificate_for_anything(scene: Scene) -> bytes:
    """Seal with a unit's certificate that names no extended usage, as one for e-mail might."""
    return _seal_as(scene, scene.issue_unit(role=replace(SIGNER_ROLE, extended_key_usage=None)))


@forgery(Attacker.UNIT_CA, "the signer: an unknown critical extension", NOT_ALLOWED)
def certificate_with_an_unknown_condition(scene: Scene) -> bytes:
    """Seal with a certificate under a critical condition that nobody here understands."""
    condition = encode_extension("2.5.29.36", der.sequence(der.element(0x80, b"\0")), critical=True)
    return _seal_as(scene, scene.issue_unit(more_extensions=(condition,)))


# The right path at the wrong time


@forgery(Attacker.FORMER_KEEPER, "the signer: expired", NOT_VALID_THEN, DIFFERS)
def certificate_expired(scene: Scene) -> bytes:
    """Seal a day after the unit's certificate expired."""
    return _seal_as(scene, scene.issue_unit(not_after=SEALED - DAY))


@forgery(Attacker.OFFICE, "the signer: not valid yet", NOT_VALID_THEN, DIFFERS)
def certificate_of_tomorrow(scene: Scene) -> bytes:
    """Seal a day before the unit's certificate becomes valid."""
    return _seal_as(scene, scene.issue_unit(not_before=SEALED + DAY))


@forgery(Attacker.SEAL_MAKER, "the seal maker: expired", NOT_VALID_THEN, DIFFERS)
def seal_by_an_expired_maker(scene: Scene) -> bytes:
    """Make a seal after the maker's certificate expired."""
    name = scene.maker.cert.subject
    times = {"not_before": OPENED - DAY, "not_after": OPENED}
    maker = scene.pki.issue_seal_maker(name, **times)
    eseal = scene.make_seal(maker, created_at=OPENED + DAY)
    return reseal(scene.licence.data, ses(eseal, scene.market.unit, SEALED))


@forgery(Attacker.FORMER_KEEPER, "/M: after the certificate (CMS)", NOT_VALID_THEN, DIFFERS)
def card_signed_after_expiry(scene: Scene) -> bytes:
    """Sign a card and claim a time after the certificate expired."""
    expired = scene.issue_unit(scene.civil.name, not_after=SEALED - DAY)
    return scene.sign_card(cms(expired, scene.civil.ca_cert))


@forgery(Attacker.FORMER_KEEPER, "the claimed time", NOT_PROVEN, DIFFERS)
def sealing_backdated_with_a_stale_key(scene: Scene) -> bytes:
    """Claim a day on which a certificate was valid that has expired since."""
    return _seal_as(scene, scene.issue_unit(not_after=SEALED + DAY))


@forgery(Attacker.SEAL_MAKER, "the seal maker: expired since", NOT_PROVEN, DIFFERS)
def seal_backdated_by_a_stale_maker(scene: Scene) -> bytes:
    """Make a seal and claim a day on which the maker's certificate was valid, expired since."""
    times = {"not_before": OPENED, "not_after": OPENED + DAY}
    maker = scene.pki.issue_seal_maker(scene.maker.cert.subject, **times)
    return _seal_as(scene, scene.market.unit, maker=maker)


@forgery(Attacker.OFFICE, "the claimed time: tomorrow", NOT_PROVEN, DIFFERS)
def sealing_postdated(scene: Scene) -> bytes:
    """Claim a day that has not come yet."""
    return reseal(scene.licence.data, scene.market.seal(CHECKED + DAY))


@forgery(
    Attacker.FORMER_KEEPER, "the signer: perhaps revoked", ReasonCode.REVOCATION_UNKNOWN, DIFFERS
)
def certificate_that_may_be_revoked(scene: Scene) -> bytes:
    """Seal with a certificate that names a list of revoked ones, which nobody fetched."""
    address = der.element(0x86, b"http://crl.example/units.crl")
    point = der.sequence(der.element(0xA0, der.element(0xA0, address)))
    names_a_list = encode_extension("2.5.29.31", der.sequence(point))
    return _seal_as(scene, scene.issue_unit(more_extensions=(names_a_list,)))
