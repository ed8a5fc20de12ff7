"""Checks 2 and 3: files that were changed, and signatures that nobody made over them."""

import re
from collections.abc import Callable

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from forgeries.forgery import Attacker, forgery
from forgeries.scene import EXPIRY, OPENED, Scene
from forgeries.workshop import (
    Sign,
    altered,
    cms,
    contents_of,
    elements,
    get,
    put,
    put_contents,
    reseal,
)
from simulators import pdf_files
from simulators.pki import Issued

from signing import der
from signing.canonical import sm3
from signing.errors import MalformedSealError
from signing.sm2 import ORDER, sign_digest
from verify.report import ReasonCode

CHANGED = ReasonCode.DOCUMENT_CHANGED
WRONG = ReasonCode.SIGNATURE_WRONG
NOT_ALLOWED = ReasonCode.ALGORITHM_NOT_ALLOWED

TBS, SIGNER_CERT, ALGORITHM, VALUE = range(4)
"""Places in a SES_Signature."""
SIGNED_AT, DATA_HASH = (TBS, 2), (TBS, 3)
SIGNER_INFO = (1, 0, 4, 0)
CMS_DIGEST_ALGORITHM, CMS_SIGNATURE = (*SIGNER_INFO, 2), (*SIGNER_INFO, 5)
SHA256 = der.object_identifier("2.16.840.1.101.3.4.2.1")
SHA256_WITH_RSA = der.object_identifier("1.2.840.113549.1.1.11")


# Check 2


@forgery(Attacker.STRANGER, "one octet of the page", CHANGED)
def letter_exchanged(scene: Scene) -> bytes:
    """Exchange one octet of what is drawn on the page, and nothing else."""
    genuine = scene.licence.data
    place = genuine.index(b"/MediaBox[0 0 841") + len(b"/MediaBox[0 0 8")
    return genuine[:place] + b"5" + genuine[place + 1 :]


@forgery(Attacker.STRANGER, "appearance: moved", CHANGED)
def seal_moved_on_the_page(scene: Scene) -> bytes:
    """Move the genuine seal to another line of the page by another rectangle of the same length."""
    genuine = scene.licence.data
    (rectangle,) = re.findall(rb"/Rect\[([0-9. ]+)\]", genuine)
    left, bottom, right, top = rectangle.split()
    moved = b" ".join((left, _higher(bottom), right, _higher(top)))
    return pdf_files.swap(genuine, rectangle, moved)


def _higher(edge: bytes) -> bytes:
    whole, point, part = edge.partition(b".")
    return b"%d%b%b" % (int(whole) + 9, point, part)


@forgery(Attacker.STRANGER, "the sealed data", CHANGED)
def data_exchanged(scene: Scene) -> bytes:
    """Exchange the name in the attached data, drawn and attached anew around the same signature."""
    changed = scene.content(number="JY99990120260000099")
    forged = scene.seal(scene.draw(changed), scene.market.seal())
    _, genuine = contents_of(scene.licence.data)
    return put_contents(forged, contents_of(forged)[0], genuine)


@forgery(Attacker.STRANGER, "SES_Signature: from another file", CHANGED)
def seal_moved_to_another_licence(scene: Scene) -> bytes:
    """Put the genuine seal signature of one licence into another licence of the same authority."""
    _, genuine = contents_of(scene.another.data)
    byte_range, _ = contents_of(scene.licence.data)
    return put_contents(scene.licence.data, byte_range, genuine)


@forgery(Attacker.OFFICE, "CMS: messageDigest", CHANGED)
def cms_over_other_data(scene: Scene) -> bytes:
    """Sign a CMS that is right in all, over the digest of another file."""
    other = cms(scene.civil.unit, scene.civil.ca_cert, digest=sm3(b"another file"))
    return reseal(scene.card.data, other)


# Check 3: form `ses`


def _after_sealing(scene: Scene, *path: int, by: Callable[[bytes], bytes]) -> bytes:
    return reseal(scene.licence.data, altered(scene.market.seal(), *path, by=by))


@forgery(Attacker.STRANGER, "SES_Signature: timeInfo", WRONG)
def seal_backdated(scene: Scene) -> bytes:
    """Write an earlier time into the seal signature, which stands outside the range."""
    return _after_sealing(scene, *SIGNED_AT, by=lambda _: der.generalized_time(OPENED))


@forgery(Attacker.STRANGER, "SES_Signature: dataHash", WRONG)
def digest_made_to_fit(scene: Scene) -> bytes:
    """Change the page and write its new digest into the seal signature."""
    changed = letter_exchanged.build(scene)
    byte_range, contents = contents_of(changed)
    fitting = der.bit_string(byte_range.digest(changed))
    return put_contents(changed, byte_range, put(contents, DATA_HASH, fitting))


@forgery(Attacker.STRANGER, "SES_Signature: the seal", WRONG)
def seal_exchanged_in_the_signature(scene: Scene) -> bytes:
    """Put another genuine seal of the same authority, valid for longer, into the signature."""
    longer = scene.make_seal(seal_id=scene.market.eseal.seal_id)
    return _after_sealing(scene, TBS, 1, by=lambda _: longer.der)


@forgery(Attacker.STRANGER, "the key behind the genuine certificate", WRONG)
def signed_by_another_key(scene: Scene) -> bytes:
    """Sign with a key of one's own and enclose the genuine certificate of the authority."""
    return reseal(scene.licence.data, ses_unchecked(scene, scene.market.unit.with_other_key()))


def ses_unchecked(scene: Scene, signer: Issued) -> Sign:
    """Apply the market bureau's seal with a key that need not be that of the certificate."""

    def sign(digest: bytes, text: str) -> bytes:
        honest = scene.market.seal()(digest, text)
        tbs = get(honest, (TBS,))
        e = signer.cert.public_key.digest(tbs)
        return put(honest, (VALUE,), der.bit_string(sign_digest(signer.key, e).der))

    return sign


def _with_value(scene: Scene, change: Callable[[int, int], tuple[int, int]]) -> bytes:
    def by(value: bytes) -> bytes:
        signature = der.Reader(value, MalformedSealError).bit_string()
        r, s = (int.from_bytes(element[2:], "big") for element in elements(signature))
        return der.bit_string(der.sequence(*map(der.integer, change(r, s))))

    return _after_sealing(scene, VALUE, by=by)


@forgery(Attacker.STRANGER, "signature value: r is 0", WRONG)
def signature_with_r_zero(scene: Scene) -> bytes:
    """Set r to 0, which careless arithmetic takes for a signature of anything."""
    return _with_value(scene, lambda _, s: (0, s))


@forgery(Attacker.STRANGER, "signature value: s is 0", WRONG)
def signature_with_s_zero(scene: Scene) -> bytes:
    """Set s to 0: then t = r, and R is r times the public key, which nobody had to sign for."""
    return _with_value(scene, lambda r, _: (r, 0))


@forgery(Attacker.STRANGER, "signature value: n − s", WRONG)
def signature_mirrored(scene: Scene) -> bytes:
    """Replace s by n − s, the twin that ECDSA would accept."""
    return _with_value(scene, lambda r, s: (r, ORDER - s))


@forgery(Attacker.STRANGER, "signature value: s + n", WRONG)
def signature_beyond_the_order(scene: Scene) -> bytes:
    """Replace s by s + n, the same number for arithmetic modulo n: a second, unequal file."""
    return _with_value(scene, lambda r, s: (r, s + ORDER))


@forgery(Attacker.STRANGER, "signature value: r + s is n", WRONG)
def signature_with_t_zero(scene: Scene) -> bytes:
    """Choose s so that t = r + s is 0: the public key drops out of the equation."""

    def change(_: int, s: int) -> tuple[int, int]:
        return ORDER - s, s

    return _with_value(scene, change)


@forgery(Attacker.STRANGER, "signature value: an octet behind it", WRONG)
def signature_value_with_a_tail(scene: Scene) -> bytes:
    """Append an octet to the signature's SEQUENCE inside its BIT STRING."""

    def by(value: bytes) -> bytes:
        return der.bit_string(der.Reader(value, MalformedSealError).bit_string() + b"\x00")

    return _after_sealing(scene, VALUE, by=by)


@forgery(Attacker.STRANGER, "signature value: a longer encoding of r", WRONG)
def signature_value_with_a_leading_zero(scene: Scene) -> bytes:
    """Write r with a zero octet before it: the same numbers, and another file."""

    def by(value: bytes) -> bytes:
        r, s = elements(der.Reader(value, MalformedSealError).bit_string())
        return der.bit_string(der.sequence(der.element(der.INTEGER, b"\0", r[2:]), s))

    return _after_sealing(scene, VALUE, by=by)


# Check 3: form `pades`


@forgery(Attacker.STRANGER, "CMS: signature value", WRONG)
def cms_value_flipped(scene: Scene) -> bytes:
    """Flip the last bit of the signature value of a CMS."""
    flipped = altered(scene.civil.cms(), *CMS_SIGNATURE, by=lambda e: e[:-1] + bytes([e[-1] ^ 1]))
    return reseal(scene.card.data, flipped)


@forgery(Attacker.UNIT_CA, "CMS: another certificate for the same key", WRONG)
def certificate_exchanged_for_its_twin(scene: Scene) -> bytes:
    """Exchange the signer's certificate for a younger one of the same name, number and key."""
    genuine = scene.civil.unit.cert
    twin = scene.pki.issue_unit(
        scene.civil.name,
        key=scene.civil.unit.key,
        serial_number=genuine.serial_number,
        not_before=genuine.not_before,
        not_after=genuine.not_after.replace(year=genuine.not_after.year + 5),
    ).cert

    def by(certificates: bytes) -> bytes:
        kept = [c for c in elements(certificates) if c != genuine.der]
        return der.element(der.CONTEXT_0, *sorted((twin.der, *kept)))

    return reseal(scene.card.data, altered(scene.civil.cms(), 1, 0, 3, by=by))


# Check 3: algorithms


@forgery(Attacker.STRANGER, "SES_Signature: the algorithm named", NOT_ALLOWED)
def signature_called_rsa(scene: Scene) -> bytes:
    """Name RSA as the algorithm, in the hope that a library takes whatever is named."""
    return _after_sealing(scene, ALGORITHM, by=lambda _: SHA256_WITH_RSA)


@forgery(Attacker.STRANGER, "the signer: an RSA certificate", NOT_ALLOWED)
def certificate_of_another_algorithm(scene: Scene) -> bytes:
    """Enclose an RSA certificate in the authority's name as that of the signer."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name(
        [x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, scene.market.name.organization)]
    )
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, OPENED, EXPIRY)
    encoded = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    return _after_sealing(scene, SIGNER_CERT, by=lambda _: der.octet_string(encoded))


@forgery(Attacker.STRANGER, "CMS: the digest algorithm", ReasonCode.UNSUPPORTED_SIGNATURE)
def cms_with_sha256(scene: Scene) -> bytes:
    """Name SHA-256 as the digest of a CMS: half of what the policy demands."""
    weaker = altered(scene.civil.cms(), *CMS_DIGEST_ALGORITHM, by=lambda _: der.sequence(SHA256))
    return reseal(scene.card.data, weaker)
