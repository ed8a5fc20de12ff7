"""Everything that runs in production is under a licence we may ship with."""

import re
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement

# Apache-2.0 may be combined with these. LGPL only for what is named: we import it unmodified.
ALLOWED = re.compile(
    r"apache|mit\b|bsd|isc|mpl|mozilla|psf|python software foundation|unlicense|0bsd|"
    r"ofl|mit-cmu|hpnd|cnri|zlib|historical permission",
    re.IGNORECASE,
)
ALLOWED_BY_NAME = {
    "jwcrypto": "LGPL-3.0-or-later",  # python-keycloak's
    "psycopg": "LGPL-3.0-only",
    "psycopg-binary": "LGPL-3.0-only",
}


def runtime_distributions(name: str, seen: set[str]) -> Iterator[Distribution]:
    """Yield what `name` needs at run time, each once."""
    for text in distribution(name).requires or []:
        requirement = Requirement(text)
        extras = [{"extra": extra} for extra in ("", "binary")]
        if requirement.marker and not any(requirement.marker.evaluate(extra) for extra in extras):
            continue
        key = requirement.name.lower().replace("_", "-")
        if key in seen:
            continue
        seen.add(key)
        try:
            yield distribution(requirement.name)
        except PackageNotFoundError:
            continue
        yield from runtime_distributions(requirement.name, seen)


def licence_of(package: Distribution) -> str:
    """Return what the package says of itself: expression, classifiers or free text."""
    data = package.metadata
    classifiers = [c for c in data.get_all("Classifier") or [] if c.startswith("License")]
    expressions = data.get_all("License-Expression") or []
    free_text = [text[:80] for text in data.get_all("License") or []]
    return " ".join([*expressions, *classifiers, *free_text])


def test_run_time_dependencies_are_under_allowed_licences() -> None:
    packages = list(runtime_distributions("zhengyin", set()))
    assert len(packages) > 30
    refused = {
        package.name: licence_of(package)
        for package in packages
        if not ALLOWED.search(licence_of(package))
        and ALLOWED_BY_NAME.get(package.name, "-") not in licence_of(package)
    }
    assert refused == {}
