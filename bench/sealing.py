"""Row 1: seal a ready PDF, beside pyHanko.

A drawn food business licence gets its seal in both forms; pyHanko certifies the very same file.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from independent.pyhanko_sm2 import Sm2Signer, validate_pades
from PIL import Image
from pyhanko.pdf_utils.images import PdfImage
from simulators.pki import Issued, Pki
from simulators.seals import description_for, seal_of

from bench.measuring import Work, compare
from bench.peers.pyhanko_seal import (
    POINTS_PER_MM,
    BareSm2Signer,
    PyHankoSealer,
    ReadyPicture,
)
from bench.rows import Goal, Row, at_least, compare_table
from certs.authorities import Authorities
from certs.catalogue import Catalogue
from certs.content import CertificateContent
from certs.drawing import Drawing
from certs.orders import parse_order, read_order
from certs.seal_picture import draw_seal
from signing.cms import (
    SignedData,
    assemble_signed_data,
    build_signed_attributes,
    signed_data_size,
)
from signing.eseal import ESeal, SealSignature
from signing.eseal_checks import (
    verify_data_digest,
    verify_signature_value,
    verify_signer_in_list,
)
from signing.eseal_write import (
    assemble_seal_signature,
    build_tbs_sign,
    seal_signature_size,
)
from signing.pdf.byte_rule import contents_in_gap, verify_byte_rule
from signing.pdf.placement import LONGEST_RANGE, Placement, SignatureForm
from signing.pdf.prepare import PreparedPdf, SealedPdf, prepare
from signing.picture import SealPicture
from signing.sm2 import sign_digest
from signing.x509 import SigningCert

SAMPLES = Path(__file__).parents[1] / "certs" / "samples"
AT = datetime(2026, 11, 24, 4, tzinfo=UTC)
ROUNDS = 15
WANTED = 12
WANTED_CHECKED = 6
NOTES = """
- The file: a food business licence of {octets} octets, one page, its seal of {pixels} pixels. The
  ledger is not in it (row 3 shows its share).
- Ours verifies each SM2 signature when it is made; "without self-check" means that the finished
  file is not read again. The peer's key does not verify what it made.
- The self-check: byte rule, digest of the file as it is, signature read and verified, signer in the
  seal's list.
- The peer: `bytes_reserved`, in place, one event loop, the picture's compressed streams copied as
  they are. Without that last step it compresses the picture in every file (last line).
- Java, not measured in this run but in an earlier study, on another machine: PDFBox with
  BouncyCastle took 0.82 ms of CPU for a seal of GB/T 38540 and 1.58 ms for an SM2 CMS, and did not
  read its result again.
"""


@dataclass(frozen=True, slots=True)
class Ready:
    """A drawn certificate, and all that sealing it needs."""

    drawn_pdf: bytes
    placement: Placement
    picture: SealPicture
    pki: Pki
    unit: Issued
    eseal: ESeal

    @classmethod
    def make(cls) -> "Ready":
        """Draw the sample, make the unit's certificate and its seal."""
        kind = Catalogue.load(SAMPLES / "types").find("food-business-licence")
        authorities = Authorities.load(SAMPLES / "authorities")
        authority = next(iter(authorities.entitled(kind)))
        order = parse_order(
            read_order((kind.folder / "sample.json").read_bytes()),
            certificate_type=kind,
            authorities=authorities,
            authority_uscc=authority.uscc,
            at=AT,
        )
        content = CertificateContent(
            order=order,
            number="JY99990120260000011",
            identifier="1.2.156.3005.2.X",
            code="7q2mk4vx9tzcr8pd3w6hjb2345",
            draft_sm3="0" * 64,
            seal_id=authority.seal_id,
            seal_picture_sm3="0" * 64,
        )
        drawing = Drawing(
            public_url="http://localhost:8000", site_name="示例区电子证照平台（演示）"
        )
        pki = Pki.create()
        unit, maker = pki.issue_unit(), pki.issue_seal_maker()
        picture = draw_seal(authority.name, sample=True)
        description = description_for(pki, unit, name=authority.name, picture=picture)
        return cls(
            drawing.draw(content, sample=False),
            kind.placement,
            picture,
            pki,
            unit,
            seal_of(maker, description),
        )

    @property
    def chain(self) -> tuple[SigningCert, ...]:
        """What a CMS sends along."""
        return (self.pki.unit_ca.cert,)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Where the seal goes, in points."""
        left = self.placement.left_mm * POINTS_PER_MM
        bottom = self.placement.bottom_mm * POINTS_PER_MM
        return (
            left,
            bottom,
            left + self.picture.width_mm * POINTS_PER_MM,
            bottom + self.picture.height_mm * POINTS_PER_MM,
        )

    def prepare(self, form: SignatureForm, contents_size: int) -> PreparedPdf:
        """Prepare the file for its seal."""
        return prepare(
            self.drawn_pdf,
            form=form,
            placement=self.placement,
            picture=self.picture,
            contents_size=contents_size,
            signed_at=AT if form is SignatureForm.PADES else None,
        )

    def seal_ses(self) -> tuple[PreparedPdf, SealedPdf]:
        """Apply the seal."""
        unit_cert = self.unit.cert
        size = seal_signature_size(
            eseal=self.eseal, signer_cert=unit_cert, property_info=LONGEST_RANGE
        )
        prepared = self.prepare(SignatureForm.SES, size)
        tbs = build_tbs_sign(
            eseal=self.eseal,
            signer_cert=unit_cert,
            signed_at=AT,
            data_digest=prepared.digest,
            property_info=prepared.property_info,
        )
        signature = assemble_seal_signature(tbs, sign_digest(self.unit.key, tbs.digest))
        return prepared, prepared.embed(signature.der)

    def seal_pades(self) -> tuple[PreparedPdf, SealedPdf]:
        """Sign with the unit's certificate, showing the seal."""
        unit_cert = self.unit.cert
        size = signed_data_size(signer_cert=unit_cert, chain=self.chain)
        prepared = self.prepare(SignatureForm.PADES, size)
        attributes = build_signed_attributes(data_digest=prepared.digest, signer_cert=unit_cert)
        contents = assemble_signed_data(
            signed_attributes=attributes,
            signer_cert=unit_cert,
            chain=self.chain,
            signature=sign_digest(self.unit.key, unit_cert.public_key.digest(attributes)),
        )
        return prepared, prepared.embed(contents)


def check(prepared: PreparedPdf, sealed: SealedPdf) -> None:
    """Read what was made as `certs.sealing` does before it hands a file out."""
    byte_range = prepared.byte_range
    verify_byte_rule(
        sealed.data, byte_range, contents_span=byte_range.gap, revision_end=len(sealed.data)
    )
    contents = contents_in_gap(sealed.data, byte_range)
    digest = byte_range.digest(sealed.data)
    if prepared.form is SignatureForm.SES:
        signature = SealSignature.parse(contents)
        verify_signature_value(signature)
        verify_signer_in_list(signature)
        verify_data_digest(signature, digest)
    else:
        signed_data = SignedData.parse(contents)
        signed_data.verify_signature()
        signed_data.verify_digest(digest)


def _checked(seal: Callable[[], tuple[PreparedPdf, SealedPdf]]) -> Callable[[], None]:
    return lambda: check(*seal())


def measure() -> Row:
    """Measure the row."""
    ready = Ready.make()
    tuned = PyHankoSealer(
        BareSm2Signer(ready.unit.cert, ready.unit.key, ready.chain),
        ReadyPicture(ready.picture),
        ready.box,
    )
    plain = PyHankoSealer(
        Sm2Signer(ready.unit.cert.der, ready.unit.key, [cert.der for cert in ready.chain]),
        PdfImage(_as_image(ready.picture)),
        ready.box,
    )
    for pdf in (ready.seal_pades()[1].data, tuned.seal(ready.drawn_pdf)):
        _prove(pdf, ready.pki)
    timings = compare(
        {
            "form ses": Work(ready.seal_ses, 100),
            "form ses, self-check": Work(_checked(ready.seal_ses), 60),
            "form pades": Work(ready.seal_pades, 100),
            "form pades, self-check": Work(_checked(ready.seal_pades), 60),
            "pyHanko, tuned": Work(lambda: tuned.seal(ready.drawn_pdf), 8),
            "pyHanko, picture given as an image": Work(lambda: plain.seal(ready.drawn_pdf), 2),
        },
        rounds=ROUNDS,
    )
    peer = timings["pyHanko, tuned"]
    ratios = {name: peer.cpu_ratio(timing) for name, timing in timings.items()}
    goals: list[Goal] = []
    for form in ("form ses", "form pades"):
        checked = f"{form}, self-check"
        goals += [
            at_least(f"{form}, without self-check", WANTED, ratios[form]),
            at_least(f"{form}, with self-check", WANTED_CHECKED, ratios[checked]),
        ]
    return Row(
        "1 · Seal a ready PDF",
        goals,
        [compare_table(timings, peer)],
        NOTES.format(
            octets=len(ready.drawn_pdf),
            pixels=f"{ready.picture.width_px} × {ready.picture.height_px}",
        ),
    )


def _as_image(picture: SealPicture) -> Image.Image:
    """Return the picture as people usually hold it: RGBA."""
    with Image.open(io.BytesIO(picture.png)) as image:
        return image.convert("RGBA")


def _prove(pdf: bytes, pki: Pki) -> None:
    """Both sides made something valid, or the race is off."""
    (status,) = validate_pades(pdf, [pki.root.cert.der], at=datetime.now(UTC))
    if not status.bottom_line:
        raise ValueError("not a valid signature")
