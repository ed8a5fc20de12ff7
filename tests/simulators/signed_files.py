"""Signed PDF files for tests of verification: small, right, and as odd as a test asks for.

    desk = Desk.create()                                  # a PKI, a seal maker, a unit, its seal
    file = desk.seal()                                    # a certificate in form `ses`
    card = desk.sign()                                    # the same in form `pades`
    letter = desk.seal(draw(None))                        # a file that is no certificate
    stolen = desk.seal(signer=stranger)                   # and whatever `SealOffice.apply` can do
    register = KeptRegister.of(desk, file)                # in which it stands

Nothing is refused here: what is wrong shall be found by the checks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from simulators.pki import AT, Issued
from simulators.seals import PICTURE, SealOffice

from signing.canonical import canonical_json, sm3
from signing.cms import assemble_signed_data, build_signed_attributes
from signing.pdf.placement import Placement, SignatureForm
from signing.pdf.prepare import PreparedPdf, prepare
from signing.picture import SealPicture
from signing.sm2 import sign_digest
from signing.x509 import SigningCert
from verify.errors import SourceUnavailableError
from verify.policy import TrustAnchors
from verify.sources import CertificateStatus, RegisteredStatus

NUMBER = "JY99990120260000011"
REGISTERED_AT = AT + timedelta(seconds=2)
ROOM = 8192
"""Octets for a signature: the seals of tests are small."""


def draw(
    certificate_json: bytes | None, *, more: Sequence[bytes] = (), catalog: bytes = b""
) -> bytes:
    """Return a page of the shape typst draws, with `certificate_json` attached.

    `more` are objects from number 8 on; `catalog` more entries of the catalog.
    """
    attached = b""
    if certificate_json is not None:
        attached = b"/AF[5 0 R]/Names<</EmbeddedFiles<</Names[(certificate.json)5 0 R]>>>>"
    embedded = certificate_json or b""
    sources = [
        b"<</Type/Pages/Count 1/Kids[2 0 R]>>",
        b"<</Type/Page/Parent 1 0 R/MediaBox[0 0 595 842]/Contents 3 0 R>>",
        b"<</Length 19>>\nstream\n0 0 1 rg 9 9 9 9 re\nendstream",
        b"<</Type/EmbeddedFile/Length %d>>\nstream\n%b\nendstream" % (len(embedded), embedded),
        b"<</Type/Filespec/F(certificate.json)/UF(certificate.json)/EF<</F 4 0 R/UF 4 0 R>>>>"
        if certificate_json is not None
        else b"<<>>",
        b"<</Type/Catalog/Pages 1 0 R%b%b>>" % (attached, catalog),
        b"<</Title(test)>>",
        *more,
    ]
    body = bytearray(b"%PDF-1.7\n%\x80\x80\x80\x80\n\n")
    size = len(sources) + 1
    table = bytearray(b"xref\n0 %d\n0000000000 65535 f\r\n" % size)
    for number, source in enumerate(sources, 1):
        table += b"%010d 00000 n\r\n" % len(body)
        body += b"%d 0 obj\n%b\nendobj\n\n" % (number, source)
    trailer = b"<</Size %d/Root 6 0 R/Info 7 0 R/ID[(AA==)(AA==)]>>" % size
    return b"%b%btrailer\n%b\nstartxref\n%d\n%%%%EOF" % (
        bytes(body), bytes(table), trailer, len(body),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Desk:
    """An office that seals whatever is put on its desk."""

    office: SealOffice

    @classmethod
    def create(cls) -> "Desk":
        """Make an office with keys of its own."""
        return cls(SealOffice.create())

    @property
    def unit(self) -> Issued:
        """Who seals."""
        return self.office.unit

    @property
    def uscc(self) -> str:
        """The unit's code."""
        code = self.unit.cert.subject.uscc
        assert code is not None
        return code

    @property
    def anchors(self) -> TrustAnchors:
        """What a verifier of this office's files trusts."""
        return TrustAnchors(self.office.pki.anchors)

    def data(self, **changes: Any) -> bytes:  # noqa: ANN401 - members of the metadata or the seal
        """Return a certificate.json; `changes` to members, wherever they stand."""
        seal = {"id": self.office.eseal.seal_id, "picture_sm3": PICTURE.sm3}
        metadata = {
            "ZZBH": NUMBER,
            "ZZMC": "食品经营许可证",
            "ZZLXMC": "食品经营许可证",
            "ZZBFJGDM": self.uscc,
        }
        return canonical_json(
            {
                "metadata": metadata | {k: v for k, v in changes.items() if k.startswith("ZZ")},
                "seal": seal | {k: v for k, v in changes.items() if k in seal},
            }
        )

    def certificate(self, **changes: Any) -> bytes:  # noqa: ANN401 - members of the metadata
        """Return the drawing of a certificate, not sealed yet."""
        return draw(self.data(**changes))

    def prepare(
        self,
        drawn: bytes | None = None,
        *,
        form: SignatureForm = SignatureForm.SES,
        picture: SealPicture = PICTURE,
        signed_at: datetime | None = None,
    ) -> PreparedPdf:
        """Prepare a drawing, by default a certificate's."""
        return prepare(
            self.certificate() if drawn is None else drawn,
            form=form,
            placement=Placement(0, 20, 20),
            picture=picture,
            contents_size=ROOM,
            signed_at=signed_at,
        )

    def seal(
        self,
        drawn: bytes | None = None,
        *,
        picture: SealPicture = PICTURE,
        **knobs: Any,  # noqa: ANN401 - the knobs of `SealOffice.apply`
    ) -> bytes:
        """Return the drawing, by default a certificate's, under the seal."""
        prepared = self.prepare(drawn, picture=picture)
        right = {"data_digest": prepared.digest, "property_info": prepared.property_info}
        return prepared.embed(self.office.apply(**(right | knobs)).der).data

    def sign(  # noqa: PLR0913 - each knob is one way to be odd
        self,
        drawn: bytes | None = None,
        *,
        picture: SealPicture = PICTURE,
        signer: Issued | None = None,
        signed_at: datetime = AT,
        data_digest: bytes | None = None,
        chain: Sequence[SigningCert] | None = None,
    ) -> bytes:
        """Return the drawing, by default a certificate's, with a CMS by the unit."""
        prepared = self.prepare(
            drawn, form=SignatureForm.PADES, picture=picture, signed_at=signed_at
        )
        contents = self.sign_cms(data_digest or prepared.digest, signer=signer, chain=chain)
        return prepared.embed(contents).data

    def sign_cms(
        self,
        data_digest: bytes,
        *,
        signer: Issued | None = None,
        chain: Sequence[SigningCert] | None = None,
    ) -> bytes:
        """Return the CMS alone."""
        signer = signer or self.unit
        attributes = build_signed_attributes(data_digest=data_digest, signer_cert=signer.cert)
        return assemble_signed_data(
            signed_attributes=attributes,
            signer_cert=signer.cert,
            chain=self.office.pki.intermediates if chain is None else chain,
            signature=sign_digest(signer.key, signer.key.public_key.digest(attributes)),
        )


@dataclass(frozen=True, slots=True)
class KeptRegister:
    """A register of some authorities, as a status source."""

    kept: frozenset[str]
    entries: dict[tuple[str, str], RegisteredStatus] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    """For what it was asked."""
    is_reachable: bool = True

    @classmethod
    def of(cls, desk: Desk, file: bytes | None = None, **changes: Any) -> "KeptRegister":  # noqa: ANN401 - fields
        """Return the register of the desk's unit in which `file` stands, with `changes`."""
        entries = {}
        if file is not None:
            entry = RegisteredStatus(
                number=NUMBER,
                code="code",
                type_name="食品经营许可证",
                authority_name="示例市青禾区市场监督管理局",
                authority_uscc=desk.uscc,
                status=CertificateStatus.VALID,
                legal_kind=None,
                successor=None,
                file_sm3=sm3(file).hex(),
                registered_at=REGISTERED_AT,
                as_of=AT + timedelta(days=1),
                masked={"CZZT": "示例*"},
            )
            entries[NUMBER, desk.uscc] = replace(entry, **changes)
        return cls(frozenset({desk.uscc}), entries)

    def keeps(self, authority_uscc: str) -> bool:
        """Whether the authority's certificates stand here."""
        return authority_uscc in self.kept

    def find(self, number: str, authority_uscc: str, *, at: datetime) -> RegisteredStatus | None:
        """Return the entry, or raise `SourceUnavailableError`."""
        self.asked.append((number, authority_uscc))
        if not self.is_reachable:
            raise SourceUnavailableError
        return self.entries.get((number, authority_uscc))
