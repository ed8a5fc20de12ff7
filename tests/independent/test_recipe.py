"""The recipe of docs/verifying.md, run as it is written, with the tools it names and no others."""

import re
import shutil
import ssl
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from independent.published import Published
from simulators.pdf_files import add_revision, draw, seal_picture
from simulators.pki import AT, NOT_AFTER, SEAL_MAKER_NAME, Issued, Pki
from simulators.seals import SealOffice

from signing.cms import assemble_signed_data, build_signed_attributes, signed_data_size
from signing.eseal import ESeal
from signing.eseal_write import seal_signature_size
from signing.pdf.placement import LONGEST_RANGE, Placement, SignatureForm
from signing.pdf.prepare import PreparedPdf, prepare
from signing.sm2 import sign_digest
from signing.x509_build import Profile

pytestmark = pytest.mark.real

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "verifying.md"
SECTIONS = {SignatureForm.SES: ("1", "2", "4"), SignatureForm.PADES: ("1", "3", "4")}
COREUTILS = (
    "basenc", "cp", "cut", "date", "dd", "head", "mkdir", "seq", "tail", "tr", "wc",
)  # fmt: skip
SES, PADES = SignatureForm.SES, SignatureForm.PADES

COVERED = "covered: the whole file but its signature"
NEXT = {SES: "/SubFilter/GM.sm2seal", PADES: "/SubFilter/ETSI.CAdES.detached"}
SES_DIGEST = "digest: the document is the one that was sealed"
PADES_DIGEST = "digest: the document is the one that was signed"
SIGNED = "signature: made by the holder of signer.der"
SEALED = "seal: made by the holder of maker.der"
LISTED = "seal: its list names the signer"
IN_TIME = f"seal: valid at {AT:%Y%m%d%H%M%S}Z"


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with grep, openssl and what coreutils brings, as far as we use it."""
    folder = tmp_path_factory.mktemp("tools")
    for name in (*COREUTILS, "grep", "openssl"):
        program = shutil.which(name)
        assert program is not None, name
        (folder / name).symlink_to(program)
        if name in COREUTILS:
            shown = subprocess.run([program, "--version"], capture_output=True, check=True)
            assert b"coreutils" in shown.stdout, name
    return folder


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run of the recipe came to."""

    passed: bool
    lines: list[str]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Runs the recipe in a new folder each time."""

    folder: Path
    tools: Path

    def run(self, form: SignatureForm, sealed: bytes, roots: str) -> Outcome:
        """Do what the document says with a file and the roots."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / "sealed.pdf").write_bytes(sealed)
        (self.folder / "roots.pem").write_text(roots)
        blocks = "".join(shell_blocks()[section] for section in SECTIONS[form])
        (self.folder / "recipe.sh").write_text(blocks)
        bash = shutil.which("bash")
        assert bash is not None
        done = subprocess.run(
            [bash, "recipe.sh"],
            cwd=self.folder,
            env={"PATH": str(self.tools)},
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        assert "command not found" not in done.stderr
        lines = [line for line in done.stdout.splitlines() if not line.startswith("Signature Ver")]
        return Outcome(done.returncode == 0, lines)


@pytest.fixture
def recipe(tmp_path: Path, tools: Path) -> Recipe:
    return Recipe(tmp_path / "work", tools)


def shell_blocks() -> dict[str, str]:
    """Return the fenced shell blocks of each numbered section of the document."""
    sections = re.split(r"^## ", DOCUMENT.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    blocks = {
        section.split()[0]: "".join(
            re.findall(r"^```bash\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
        )
        for section in sections
    }
    return {name: text for name, text in blocks.items() if text}


def test_every_block_is_run() -> None:
    assert set(shell_blocks()) == {"1", "2", "3", "4"}
    assert DOCUMENT.read_text(encoding="utf-8").count("```") % 2 == 0


@pytest.mark.parametrize("form", list(SignatureForm))
def test_the_recipe_confirms_an_issued_file(
    published: Published, recipe: Recipe, form: SignatureForm
) -> None:
    issued = published.files[form]
    outcome = recipe.run(form, issued.path.read_bytes(), published.roots.read_text())
    assert outcome.passed
    assert outcome.lines[:2] == [COVERED, NEXT[form]]
    proven = {SES: [SES_DIGEST, SIGNED, SEALED, LISTED, IN_TIME], PADES: [PADES_DIGEST, SIGNED]}
    assert outcome.lines[2 : 2 + len(proven[form])] == proven[form]
    shown = dict(line.split("=", 1) for line in outcome.lines if " = " in line)
    assert issued.authority.name in "".join(shown.values())
    assert issued.authority.uscc in "".join(shown.values())


@pytest.mark.parametrize("form", list(SignatureForm))
def test_the_recipe_does_not_run_over_what_another_run_left(
    published: Published, recipe: Recipe, form: SignatureForm
) -> None:
    sealed, roots = published.files[form].path.read_bytes(), published.roots.read_text()
    assert recipe.run(form, sealed, roots).passed
    assert recipe.run(form, sealed, roots) == Outcome(passed=False, lines=[])


def change_drawing(sealed: bytes) -> bytes:
    return sealed.replace(b"/Lang", b"/Lamg", 1)


def change_last_octet(sealed: bytes) -> bytes:
    return sealed[:-1] + b" "


def gap(sealed: bytes) -> tuple[int, int]:
    """Return where the hexadecimal digits of the signature begin and end."""
    (found,) = re.finditer(rb"/Contents<([0-9A-F]+)>", sealed)
    return found.span(1)


def change_signature(sealed: bytes) -> bytes:
    """Change the last digit of the signature value, which stands before the padding."""
    start, end = gap(sealed)
    last = start + len(sealed[start:end].rstrip(b"0")) - 1
    return sealed[:last] + (b"2" if sealed[last : last + 1] == b"1" else b"1") + sealed[last + 1 :]


def add_a_revision(sealed: bytes) -> bytes:
    content = int(re.findall(rb"/Contents (\d+) 0 R", sealed)[-1])
    return add_revision(sealed, {content: b"<</Length 0>>\nstream\n\nendstream"})


def add_a_range(sealed: bytes) -> bytes:
    """Add a second range, in a comment behind the end."""
    return sealed + b"%/ByteRange[0 1 2 3]\n"


def fill_padding(sealed: bytes) -> bytes:
    """Hide an octet behind the signature, within its gap."""
    _, end = gap(sealed)
    assert sealed[end - 2 : end] == b"00"
    return sealed[: end - 2] + b"41" + sealed[end:]


def write_a_digit_small(sealed: bytes) -> bytes:
    """Write the same octets differently: the first capital of the signature as a small letter."""
    letter = re.search(rb"/Contents<[0-9]*[A-F]", sealed)
    assert letter is not None
    return sealed[: letter.end() - 1] + sealed[letter.end() - 1 :].replace(
        letter[0][-1:], letter[0][-1:].lower(), 1
    )


CHANGES: dict[Callable[[bytes], bytes], Callable[[SignatureForm], list[str]]] = {
    change_drawing: lambda form: [COVERED, NEXT[form]],
    change_last_octet: lambda form: [COVERED, NEXT[form]],
    change_signature: lambda form: [
        COVERED, NEXT[form], SES_DIGEST if form is SES else PADES_DIGEST,
    ],
    add_a_revision: lambda _: [],
    add_a_range: lambda _: [],
    write_a_digit_small: lambda _: [],
}  # fmt: skip
"""Each way to change a file, and what the recipe still proves before it stops."""


@pytest.mark.parametrize("form", list(SignatureForm))
@pytest.mark.parametrize("change", CHANGES)
def test_the_recipe_stops_at_what_was_changed(
    published: Published,
    recipe: Recipe,
    form: SignatureForm,
    change: Callable[[bytes], bytes],
) -> None:
    sealed = published.files[form].path.read_bytes()
    changed = change(sealed)
    assert changed != sealed
    outcome = recipe.run(form, changed, published.roots.read_text())
    assert outcome == Outcome(passed=False, lines=CHANGES[change](form))


@pytest.fixture(scope="module")
def office() -> SealOffice:
    return SealOffice.create()


def to_pem(pki: Pki) -> str:
    return ssl.DER_cert_to_PEM_cert(pki.root.cert.der)


def seal_ses(
    office: SealOffice,
    *,
    eseal: ESeal | None = None,
    signer: Issued | None = None,
    property_info: str | None = None,
    spare: int = 0,
) -> bytes:
    """Seal a drawn page freshly, with room for `spare` octets more than it needs."""
    eseal, signer = eseal or office.eseal, signer or office.unit
    size = seal_signature_size(eseal=eseal, signer_cert=signer.cert, property_info=LONGEST_RANGE)
    prepared = prepare_page(SES, size + spare)
    signature = office.apply(
        eseal=eseal,
        signer=signer,
        data_digest=prepared.digest,
        property_info=property_info or prepared.property_info,
    )
    return prepared.embed(signature.der).data


def seal_pades(pki: Pki, unit: Issued, *, sent: Issued | None = None) -> bytes:
    """Sign a drawn page freshly as `unit`, sending another certificate of the same key if given."""
    chain = (pki.unit_ca.cert,)
    sent = sent or unit
    prepared = prepare_page(PADES, signed_data_size(signer_cert=sent.cert, chain=chain))
    attributes = build_signed_attributes(data_digest=prepared.digest, signer_cert=unit.cert)
    contents = assemble_signed_data(
        signed_attributes=attributes,
        signer_cert=sent.cert,
        chain=chain,
        signature=sign_digest(unit.key, unit.cert.public_key.digest(attributes)),
    )
    return prepared.embed(contents).data


def prepare_page(form: SignatureForm, contents_size: int) -> PreparedPdf:
    return prepare(
        draw(),
        form=form,
        placement=Placement(0, 20, 20),
        picture=seal_picture(),
        contents_size=contents_size,
        signed_at=AT if form is PADES else None,
    )


def test_the_recipe_passes_what_the_forgeries_are_made_from(
    office: SealOffice, recipe: Recipe
) -> None:
    assert recipe.run(SES, seal_ses(office, spare=9), to_pem(office.pki)).passed


def test_a_maker_may_have_expired_since_it_made_the_seal(
    office: SealOffice, recipe: Recipe
) -> None:
    maker = office.pki.issue_seal_maker(not_after=AT - timedelta(days=1))
    eseal = office.make_seal(maker=maker, created_at=AT - timedelta(days=2))
    assert recipe.run(SES, seal_ses(office, eseal=eseal), to_pem(office.pki)).passed


def maker_expired(office: SealOffice) -> bytes:
    """Use a seal whose maker's certificate had expired when it made the seal."""
    maker = office.pki.issue_seal_maker(not_after=AT - timedelta(days=2))
    eseal = office.make_seal(maker=maker, created_at=AT - timedelta(days=1))
    return seal_ses(office, eseal=eseal)


def test_an_octet_hidden_behind_the_signature(office: SealOffice, recipe: Recipe) -> None:
    hidden = fill_padding(seal_ses(office, spare=9))
    assert recipe.run(SES, hidden, to_pem(office.pki)) == Outcome(passed=False, lines=[COVERED])


def forged_seal(office: SealOffice) -> bytes:
    """Use a seal that got another name after it was made."""
    changed = office.eseal.der.replace("青禾区".encode(), "松汀区".encode(), 1)
    return seal_ses(office, eseal=ESeal.parse(changed))


def signer_not_listed(office: SealOffice) -> bytes:
    return seal_ses(office, signer=office.pki.issue_unit())


def other_range_named(office: SealOffice) -> bytes:
    return seal_ses(office, property_info="[0 1 2 3]")


def seal_made_later(office: SealOffice) -> bytes:
    return seal_ses(office, eseal=office.make_seal(created_at=AT + timedelta(seconds=1)))


def seal_not_yet_valid(office: SealOffice) -> bytes:
    return seal_ses(office, eseal=office.make_seal(valid_from=AT + timedelta(seconds=1)))


def seal_expired(office: SealOffice) -> bytes:
    return seal_ses(office, eseal=office.make_seal(valid_to=AT - timedelta(seconds=1)))


def maker_as_unit(office: SealOffice) -> bytes:
    """Seal as a seal maker, whose authority may make no unit."""
    eseal = office.make_seal(listed_certs=(office.maker.cert,))
    return seal_ses(office, eseal=eseal, signer=office.maker)


def unit_as_maker(office: SealOffice) -> bytes:
    """Use a seal that the unit made itself."""
    return seal_ses(office, eseal=office.make_seal(maker=office.unit))


def maker_of_the_wrong_authority(office: SealOffice) -> bytes:
    """Use the seal of a maker whom the authority for units certified."""
    maker = office.pki.unit_ca.issue(SEAL_MAKER_NAME, Profile.SEAL_MAKER)
    return seal_ses(office, eseal=office.make_seal(maker=maker))


def impostor(office: SealOffice) -> bytes:
    """Seal under the same names, certified by another key."""
    unit = office.pki.unit_ca.with_other_key().issue(office.unit.cert.subject)
    eseal = office.make_seal(listed_certs=(unit.cert,))
    return seal_ses(office, eseal=eseal, signer=unit)


def certificate_expired(office: SealOffice) -> bytes:
    unit = office.pki.issue_unit(not_after=AT - timedelta(seconds=1))
    eseal = office.make_seal(listed_certs=(unit.cert,))
    return seal_ses(office, eseal=eseal, signer=unit)


BEFORE_SECTION_4 = [COVERED, NEXT[SES], SES_DIGEST, SIGNED, SEALED, LISTED, IN_TIME]
FORGERIES: dict[Callable[[SealOffice], bytes], list[str]] = {
    other_range_named: BEFORE_SECTION_4[:2],
    forged_seal: BEFORE_SECTION_4[:4],
    signer_not_listed: BEFORE_SECTION_4[:5],
    seal_made_later: BEFORE_SECTION_4[:6],
    seal_not_yet_valid: BEFORE_SECTION_4[:6],
    seal_expired: BEFORE_SECTION_4[:6],
    maker_as_unit: BEFORE_SECTION_4,
    unit_as_maker: BEFORE_SECTION_4,
    maker_of_the_wrong_authority: BEFORE_SECTION_4,
    impostor: BEFORE_SECTION_4,
    maker_expired: BEFORE_SECTION_4,
    certificate_expired: BEFORE_SECTION_4,
}


@pytest.mark.parametrize("forge", FORGERIES)
def test_the_recipe_stops_at_what_was_forged(
    office: SealOffice, recipe: Recipe, forge: Callable[[SealOffice], bytes]
) -> None:
    outcome = recipe.run(SES, forge(office), to_pem(office.pki))
    assert not outcome.passed
    told = [line for line in outcome.lines if not line.endswith(": OK")]
    assert told == FORGERIES[forge]


@pytest.mark.parametrize("form", list(SignatureForm))
def test_the_recipe_believes_no_other_root(
    published: Published, recipe: Recipe, form: SignatureForm
) -> None:
    sealed = published.files[form].path.read_bytes()
    outcome = recipe.run(form, sealed, to_pem(Pki.create()))
    assert not outcome.passed
    assert outcome.lines[-1] == (IN_TIME if form is SES else SIGNED)


def test_a_certificate_the_signer_did_not_mean(recipe: Recipe) -> None:
    pki = Pki.create()
    unit = pki.issue_unit()
    assert recipe.run(PADES, seal_pades(pki, unit), to_pem(pki)).passed
    twin = pki.issue_unit(key=unit.key, not_after=NOT_AFTER - timedelta(days=1))
    shutil.rmtree(recipe.folder / "pieces")
    outcome = recipe.run(PADES, seal_pades(pki, unit, sent=twin), to_pem(pki))
    assert outcome == Outcome(passed=False, lines=[COVERED, NEXT[PADES], PADES_DIGEST])
