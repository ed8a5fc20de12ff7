"""The wheel alone is the whole application: built, installed elsewhere, put to work there.

Its dependencies are those of the development environment, shown to it by a path: the test needs no
network. That the wheel asks for each of them is a test of its own.
"""

import ast
import json
import re
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterable, Iterator
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from simulators.office import FOOD_LICENCE, MARKET_BUREAU
from simulators.server import environment_of, serve

pytestmark = pytest.mark.real

ROOT = Path(__file__).resolve().parent.parent
UV = ROOT / ".uv" / "bin" / "uv"
PACKAGES = ("api", "certs", "hsm", "idp", "migrations", "signing", "verify")
KINDS = ("*.html", "*.toml", "*.css", "*.svg", "*.typ", "*.json", "*.py")
"""Everything that the packages are made of."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel, with what the set-up left in uv's cache."""
    folder = tmp_path_factory.mktemp("dist")
    build = ("build", "--quiet", "--offline", "--wheel", "--python", sys.executable)
    subprocess.run([UV, *build, "--out-dir", folder, ROOT], check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install it into an environment of its own, and return the folder of its commands."""
    home = tmp_path_factory.mktemp("elsewhere") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    python = home / "bin" / "python"
    install = ("pip", "install", "--quiet", "--offline", "--no-deps")
    subprocess.run([UV, *install, "--python", python, wheel], check=True)
    # A path in a .pth file is searched, but the .pth files there are not: our own sources, which
    # the development environment leads to by one, stay out of sight.
    libraries = home / "lib" / f"python{sysconfig.get_python_version()}" / "site-packages"
    (libraries / "dependencies.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return home / "bin"


def run(installed: Path, data: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the installed command in a folder where no source is."""
    return subprocess.run(
        [installed / "zhengyin", *arguments],
        cwd=data.parent,
        env=environment_of(data),
        capture_output=True,
        text=True,
        check=False,
    )


def test_everything_the_packages_are_made_of_is_in_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    sources = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for kind in KINDS
        for path in (ROOT / package).rglob(kind)
    }
    assert "api/static/theme.css" in sources, "make theme"
    # What the theme is made from is needed no more.
    assert sources - packed == {"api/assets/theme.scss"} & sources
    assert not [name for name in packed if name.startswith(("tests/", "bench/", "demo/"))]


def imported() -> Iterator[str]:
    """Return the top-level name of every import in the packages."""
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    yield from (alias.name.partition(".")[0] for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                    yield node.module.partition(".")[0]


def test_it_asks_for_every_library_that_is_imported(wheel: Path) -> None:
    """By itself, or by what brings it along, as FastAPI does with Starlette."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = archive.read(name).decode()
    asked = distribution_names(re.findall(r"^Requires-Dist: (.+)", metadata, re.MULTILINE))
    brought = {name for one in asked for name in distribution_names(requires(one) or ())}
    distributions = packages_distributions()
    needed = {
        name
        for library in set(imported()) - {*sys.stdlib_module_names, *PACKAGES}
        for name in distribution_names(distributions[library])
    }
    assert {"fastapi", "sqlalchemy", "typst"} < needed
    assert needed - asked - brought == set()


def distribution_names(requirements: Iterable[str]) -> set[str]:
    """Return the normalised names in requirements, but for those of extras."""
    return {
        re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement, maxsplit=1)[0]).lower()
        for requirement in requirements
        if "extra ==" not in requirement
    }


def test_it_runs_from_its_own_files(installed: Path, tmp_path: Path) -> None:
    program = "import api, certs, migrations; print(*api.__path__, *migrations.__path__)"
    python: list[str | Path] = [installed / "python", "-c", program]
    told = subprocess.run(python, cwd=tmp_path, capture_output=True, text=True, check=True)
    for path in told.stdout.split():
        assert path.startswith(str(installed.parent))


def test_it_issues_verifies_and_serves(installed: Path, tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "out.pdf"
    assert run(installed, data, "init").returncode == 0
    order = next(data.glob("types/*D001/1/sample.json"))
    issue = ("issue", FOOD_LICENCE, order, "--authority", MARKET_BUREAU, "-o", out)
    issued = run(installed, data, *issue)
    assert issued.returncode == 0, issued.stderr
    told = run(installed, data, "verify", out, "--json")
    assert (told.returncode, json.loads(told.stdout)[0]["verdict"]) == (0, "valid")
    with serve([installed / "zhengyin", "serve"], data, tmp_path / "said") as server:
        assert "电子证照核验" in server.get("/").text
        assert server.get("/static/theme.css").status_code == 200
        assert server.get("/static/mark.svg").status_code == 200
