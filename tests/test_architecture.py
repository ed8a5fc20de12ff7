"""The house keeps its shape: what import-linter cannot say is said here."""

import ast
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("api", "certs", "hsm", "idp", "signing", "verify")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
LONGEST_MODULE = 400
MOST_STATEMENTS = 40

# Where reading the clock is somebody's job: the edge of the application, and the one clock that
# is handed to the custodian (design, decision 1).
CLOCK_READERS = {"api"}

NAMES_OF_OTHERS = {
    name.lower()
    for name in (*sys.stdlib_module_names, *packages_distributions(), *PACKAGES, "pkcs11")
}


def names_inside(package: str) -> list[Path]:
    """Return every module and sub-package below `package`."""
    return [path for path in (ROOT / package).rglob("*.py") if path.parent != ROOT]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_short_enough_to_read(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_MODULE


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_function_is_short_enough_to_read(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    too_long = [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and sum(isinstance(inner, ast.stmt) for inner in ast.walk(node)) - 1 > MOST_STATEMENTS
    ]
    assert too_long == []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_bears_a_name_that_belongs_to_somebody_else(package: str) -> None:
    """`python api/app.py` would import `api/certs.py` instead of the package `certs`."""
    stems = {
        (path.parent.name if path.name == "__init__.py" else path.stem)
        for path in names_inside(package)
        if path.parent != ROOT / package or path.name != "__init__.py"
    }
    assert stems & NAMES_OF_OTHERS == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_an_init_holds_a_docstring_only(package: str) -> None:
    for path in (ROOT / package).rglob("__init__.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert ast.get_docstring(tree), path
        assert len(tree.body) == 1, path


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_domain_code_is_told_the_time(path: Path) -> None:
    if path.relative_to(ROOT).parts[0] in CLOCK_READERS:
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [
        f"{path.name}:{node.lineno}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"now", "utcnow", "today"}
    ]
    assert calls == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_stand_at_the_top(path: Path) -> None:
    """An import inside a function papers over a cycle, or hides a dependency."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    deferred = [
        node.lineno
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert deferred == []
