"""Keycloak itself: one release, checked octet for octet, unpacked and built once, then kept.

It is taken from an unpacked folder (`KEYCLOAK_HOME`), by Maven, or as the published archive,
whichever is to be had first; the folder is copied, never changed.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from idp.errors import ServerStartError
from idp.faults import ServerFault

VERSION = "26.7.5"
ARCHIVE_SHA256 = "30ef87fb7101c43d29688d1ae80c0588ff4a151b3330e9f664bf9692d398658a"
LIBRARIES_SHA256 = "f77ae9a749b7d6ba296f514fddf4c2f21d76de8ca930a294e699ca584b3d89c1"
"""Of the jars of that archive: what an unpacked folder is known by."""
MAVEN = (
    "mvn",
    "--quiet",
    "--batch-mode",
    "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy",
    f"-Dartifact=org.keycloak:keycloak-quarkus-dist:{VERSION}:zip",
)
RELEASE = f"https://github.com/keycloak/keycloak/releases/download/{VERSION}/keycloak-{VERSION}.zip"
HOW_TO_INSTALL = "apt install maven"
BUILD_OPTIONS = ("--health-enabled=true",)
SECONDS_TO_CONNECT = 5
SECONDS_TO_DOWNLOAD = 600
SECONDS_TO_BUILD = 600
"""A minute of work, on a machine that has other work."""
LARGEST_ARCHIVE = 400 * 2**20
_PIECE = 2**20


def built_home(
    cache: Path, *, java: Path, keycloak_home: Path | None, environment: Mapping[str, str]
) -> Path:
    """Return the folder of a Keycloak that is ready to start, making it if need be.

    Raise `ServerStartError`.
    """
    cache.mkdir(parents=True, exist_ok=True)
    home = cache.resolve() / f"keycloak-{VERSION}"
    with _alone(cache):
        if not home.exists():
            with tempfile.TemporaryDirectory(dir=cache) as scratch:
                unpacked = _unpacked(Path(scratch), keycloak_home, environment)
                _build(unpacked, java, environment, log=cache / "build.log")
                unpacked.rename(home)
    return home


def is_built(cache: Path) -> bool:
    """Whether `built_home` would find it made."""
    return (cache / f"keycloak-{VERSION}").exists()


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    with (cache / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _unpacked(scratch: Path, keycloak_home: Path | None, environment: Mapping[str, str]) -> Path:
    target = scratch / f"keycloak-{VERSION}"
    if keycloak_home is not None:
        if libraries_digest(keycloak_home) != LIBRARIES_SHA256:
            raise ServerStartError(ServerFault.WRONG_DIGEST, str(keycloak_home))
        for name in ("bin", "conf", "lib", "providers"):
            shutil.copytree(keycloak_home / name, target / name)
        return target
    archive = _by_maven(scratch, environment) or _published(scratch)
    if archive is None:
        raise ServerStartError(ServerFault.NO_DISTRIBUTION, HOW_TO_INSTALL)
    if _sha256(archive) != ARCHIVE_SHA256:
        raise ServerStartError(ServerFault.WRONG_DIGEST, archive.name)
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(scratch)  # its digest is that of a release we have seen
    archive.unlink()
    (target / "bin" / "kc.sh").chmod(0o755)  # zipfile drops the mode
    return target


def _by_maven(scratch: Path, environment: Mapping[str, str]) -> Path | None:
    if shutil.which(MAVEN[0], path=environment.get("PATH")) is None:
        return None
    subprocess.run(  # noqa: S603  # our own words
        [*MAVEN, f"-DoutputDirectory={scratch}"],
        env=dict(environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=SECONDS_TO_DOWNLOAD,
        check=False,
    )
    archive = scratch / f"keycloak-quarkus-dist-{VERSION}.zip"
    return archive if archive.exists() else None


def _published(scratch: Path) -> Path | None:
    archive = scratch / f"keycloak-{VERSION}.zip"
    timeout = httpx.Timeout(SECONDS_TO_DOWNLOAD, connect=SECONDS_TO_CONNECT)
    try:
        with (
            httpx.stream("GET", RELEASE, timeout=timeout, follow_redirects=True) as answer,
            archive.open("wb") as file,
        ):
            answer.raise_for_status()
            for piece in answer.iter_bytes(_PIECE):
                if file.tell() > LARGEST_ARCHIVE:
                    return None
                file.write(piece)
    except httpx.HTTPError:
        return None
    return archive


def _build(home: Path, java: Path, environment: Mapping[str, str], *, log: Path) -> None:
    with log.open("wb") as output:
        built = subprocess.run(  # noqa: S603  # a script whose digest was checked
            [home / "bin" / "kc.sh", "build", *BUILD_OPTIONS],
            env={"PATH": environment.get("PATH", os.defpath), "JAVA": str(java)},
            stdout=output,
            stderr=output,
            timeout=SECONDS_TO_BUILD,
            check=False,
        )
    if built.returncode:
        raise ServerStartError(ServerFault.BUILD_FAILED, str(log))


def libraries_digest(home: Path) -> str:
    """Return one digest of all the jars that come with a Keycloak, by name and content."""
    jars = [home / "lib" / "quarkus-run.jar"]
    for folder in ("app", "lib"):
        jars += (home / "lib" / folder).rglob("*.jar")
    lines = [
        f"{jar.relative_to(home).as_posix()} {_sha256(jar)}\n" for jar in jars if jar.is_file()
    ]
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
