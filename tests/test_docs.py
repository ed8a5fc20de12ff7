"""The documents keep up with the code: what they name is there, and what is there they name."""

import datetime as dt
import importlib
import pkgutil
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from fastapi import APIRouter
from pydantic_settings import BaseSettings

import api.pages
import api.routes
from api.cli import app
from api.commands.common import Exit
from api.settings import Settings
from certs.authorities import Authorities
from certs.catalogue import read_type
from certs.content import CertificateContent
from certs.drawing import Drawing
from certs.orders import parse_order, read_order
from certs.settings import CertsSettings
from certs.type_check import check_type
from hsm.settings import CustodySettings
from idp.settings import IdentitySettings
from verify.settings import VerificationSettings

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")])
PACKAGES = ("api", "certs", "hsm", "idp", "migrations", "signing", "verify")
FOLDERS = (*PACKAGES, "bench", "demo", "docs", "tests")
LARGEST_PICTURE = 300_000
AT = dt.datetime(2026, 12, 1, tzinfo=dt.UTC)

_FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"(?:\]\(|src=\")([^)\s\"]+)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_DOTTED = re.compile(rf"(?:{'|'.join(PACKAGES)})(?:\.[A-Za-z_]\w*)+")
_EXAMPLE = re.compile(r"^`(new/\S+)`:\n\n```\w*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_FILE = re.compile(rf"(?:{'|'.join(FOLDERS)})/[\w./-]*")

# Joined from halves, so that this file does not hold what it forbids.
FORBIDDEN = tuple(
    "".join(halves).encode()
    for halves in (
        ("pypi", ".org"),
        ("python", "hosted.org"),
        ("npmjs", ".org"),
        ("npmjs", ".com"),
        ("repo1.", "maven.org"),
        ("repo.", "maven.apache.org"),
        ("central.", "sonatype"),
        ("crates", ".io"),
        ("proxy.", "golang.org"),
        ("三权", "分立"),
    )
)


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def prose(page: Path) -> str:
    """Return a page without its blocks of code."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def everything() -> str:
    return "\n".join(page.read_text(encoding="utf-8") for page in PAGES)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as forges make them."""
    headings = _HEADING.findall(prose(page))
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.findall(prose(page)):
        if link.startswith(("https://", "http://")):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_that_are_named_exist(page: Path) -> None:
    named = [code for code in _CODE.findall(prose(page)) if _FILE.fullmatch(code)]
    assert [file for file in named if not (ROOT / file).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_modules_and_names_of_the_code_exist(page: Path) -> None:
    named = [code for code in _CODE.findall(prose(page)) if _DOTTED.fullmatch(code)]
    assert [name for name in named if not exists_in_code(name)] == []


def exists_in_code(name: str) -> bool:
    """Tell whether a dotted name leads to a module or to something in one."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            annotated = getattr(found, "__annotations__", {})
            if not hasattr(found, part) and part not in annotated:
                return False
            found = getattr(found, part, None)
        return True
    return False


def test_every_command_is_mentioned() -> None:
    text = everything()
    assert [line for line in command_lines() if line not in text] == []


def command_lines() -> Iterator[str]:
    yield from (f"zhengyin {name}" for name in names_of_commands(app))
    for group in app.registered_groups:
        assert group.typer_instance is not None
        names = names_of_commands(group.typer_instance)
        yield from (f"zhengyin {group.name} {name}" for name in names)


def names_of_commands(commands: typer.Typer) -> Iterator[str]:
    for command in commands.registered_commands:
        assert command.callback is not None
        yield command.name or command.callback.__name__


def test_make_targets_that_are_named_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"`make ([a-z-]+)", everything()))
    assert {"run", "test"} <= named
    assert [t for t in named if not re.search(rf"^{t}:", makefile, re.MULTILINE)] == []


def test_every_setting_is_explained() -> None:
    text = (DOCS / "operating.md").read_text(encoding="utf-8")
    kinds: tuple[type[BaseSettings], ...] = (
        Settings,
        CustodySettings,
        CertsSettings,
        IdentitySettings,
        VerificationSettings,
    )
    variables = [
        f"{kind.model_config['env_prefix']}{name}".upper()
        for kind in kinds
        for name, field in kind.model_fields.items()
        if not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseSettings))
    ]
    assert len(variables) > len(kinds)
    assert [variable for variable in variables if f"`{variable}`" not in text] == []


def test_every_exit_status_is_explained() -> None:
    text = (DOCS / "operating.md").read_text(encoding="utf-8")
    assert [status for status in Exit if f"| {status.value} |" not in text] == []


def test_every_address_is_explained() -> None:
    text = (DOCS / "operating.md").read_text(encoding="utf-8")
    paths = {str(getattr(route, "path", "")) for router in routers() for route in router.routes}
    assert {"/verify", "/me", "/v1/acting"} <= paths
    assert [path for path in sorted(paths) if f"{path}`" not in text] == []


def routers() -> Iterator[APIRouter]:
    """Return every router there is, so that none is forgotten."""
    for package in (api.pages, api.routes):
        for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            router = getattr(importlib.import_module(found.name), "router", None)
            if isinstance(router, APIRouter):
                yield router


def test_a_term_has_one_name_and_a_name_one_term() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (DOCS / "glossary.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| ") and not line.startswith("| Chinese")
    ]
    chinese, english = [row[0] for row in rows], [row[1].lower() for row in rows]
    assert len(rows) > 50
    assert all(re.search(r"[一-鿿]", term) for term in chinese)
    assert {term for term in chinese if chinese.count(term) > 1} == set()
    assert {name for name in english if english.count(name) > 1} == set()


def test_pictures_are_shown_and_small() -> None:
    pictures = sorted(DOCS.rglob("*.png"))
    assert pictures
    text = everything()
    for picture in pictures:
        assert picture.stat().st_size <= LARGEST_PICTURE, picture
        assert f"{picture.parent.name}/{picture.name}" in text, picture


def test_no_tracked_file_holds_a_forbidden_word() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    files = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    assert len(files) > len(PAGES)
    found = [
        (name_of(file), word.decode())
        for file in files
        if file.name != "uv.lock" and file.is_file()
        for word in FORBIDDEN
        if word in file.read_bytes()
    ]
    assert found == []


@pytest.fixture
def worked_example(tmp_path: Path) -> Path:
    """Write the files of docs/types-and-authorities.md where the page says they go."""
    page = (DOCS / "types-and-authorities.md").read_text(encoding="utf-8")
    for name, content in _EXAMPLE.findall(page):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    return tmp_path / "new"


def test_the_worked_example_of_a_type_works(worked_example: Path) -> None:
    (folder,) = worked_example.glob("*/*")
    assert check_type(folder, at=AT) == ()
    kind = read_type(folder)
    authorities = Authorities.load(worked_example)
    order = parse_order(
        read_order((folder / "sample.json").read_bytes()),
        certificate_type=kind,
        authorities=authorities,
        at=AT,
    )
    content = CertificateContent(
        order=order,
        number="WS999902202600001",
        identifier="",
        code="code",
        draft_sm3="",
        seal_id=order.authority.seal_id,
        seal_picture_sm3="",
    )
    drawing = Drawing(public_url="http://localhost:8000", site_name="示例")
    assert drawing.draw(content, sample=True).startswith(b"%PDF-")
    masked = drawing.draw_masked(content, sample=True)
    assert masked.startswith(b"<svg")
