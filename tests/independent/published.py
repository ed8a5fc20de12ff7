"""What a stranger may have of us: issued files, the root, seals."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from simulators.pki import AT

from api.office import initialise, open_office
from api.settings import Settings
from api.trust import open_trust
from certs.authorities import IssuingAuthority
from certs.catalogue import CertificateType
from certs.issuance import Issued
from certs.orders import parse_order
from signing.pdf.placement import SignatureForm

END_OF_REVISION = b"%%EOF"


@dataclass(frozen=True, slots=True)
class IssuedFile:
    """One sample certificate, issued as any other."""

    path: Path
    drawn: Path
    """The file before it was sealed: its first revision."""

    certificate_type: CertificateType
    authority: IssuingAuthority


@dataclass(frozen=True, slots=True)
class Published:
    """All that leaves an office."""

    files: Mapping[SignatureForm, IssuedFile]
    roots: Path
    seals: Mapping[str, Path]
    """By esID."""


def publish(folder: Path) -> Published:
    """Initialise an office below `folder` and issue one certificate of each form."""
    settings = Settings().with_data(folder / "data")
    initialise(settings, clock=lambda: AT)
    roots = folder / "roots.pem"
    roots.write_text(open_trust(settings).export_roots(), encoding="ascii")
    files = {}
    with open_office(settings, clock=lambda: AT) as office:
        for certificate_type in office.catalogue:
            authority = next(iter(office.authorities.entitled(certificate_type)))
            order = parse_order(
                json.loads((certificate_type.folder / "sample.json").read_bytes()),
                certificate_type=certificate_type,
                authorities=office.authorities,
                authority_uscc=authority.uscc,
                at=AT,
            )
            issued = office.issue_one(order, key=certificate_type.slug, at=AT)
            assert isinstance(issued, Issued)
            form = certificate_type.form
            path, drawn = folder / f"{form}.pdf", folder / f"drawn-{form}.pdf"
            path.write_bytes(issued.data)
            end = issued.data.index(END_OF_REVISION) + len(END_OF_REVISION)
            drawn.write_bytes(issued.data[:end])
            files[form] = IssuedFile(path, drawn, certificate_type, authority)
    assert set(files) == set(SignatureForm)
    seals = {path.stem: path for path in (folder / "data" / "seals").glob("*.esl")}
    return Published(files, roots, seals)
