"""Bring the machine to where every test can run, or say in one line what is missing.

Debian packages are installed only as root; jars and Keycloak are fetched here so that the tests run
offline.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from idp.server.distribution import VERSION, built_home
from idp.server.first_secrets import admin_password
from idp.server.java import find_java
from idp.server.process import Instance, KeycloakProcess, free_port

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ROOT / "tests" / "debian-packages.txt"
JAVA_PROJECT = ROOT / "tests" / "independent" / "java"
JARS = ROOT / ".cache" / "java"
KEYCLOAK = ROOT / ".cache" / "keycloak"
STARTED_ONCE = KEYCLOAK / f"started-once-{VERSION}"
SECONDS_TO_START = 180


def main() -> None:
    """Install what is missing, or stop before the first test."""
    install_debian_packages()
    fetch_jars()
    prepare_keycloak()


def install_debian_packages() -> None:
    """Install the packages that are missing, as root; otherwise print the command and stop."""
    lines = PACKAGES.read_text(encoding="utf-8").splitlines()
    wanted = [line for line in lines if line and not line.startswith("#")]
    missing = [package for package in wanted if not is_installed(package)]
    if not missing:
        return
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        sys.exit(f"The tests need Debian packages: sudo apt-get update && sudo {' '.join(install)}")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update"], check=True, env=quiet, stdout=subprocess.DEVNULL)
    subprocess.run(install, check=True, env=quiet, stdout=subprocess.DEVNULL)


def is_installed(package: str) -> bool:
    """Whether dpkg knows `package` as installed."""
    query = ["dpkg-query", "--show", "--showformat=${Status}", package]
    answer = subprocess.run(query, capture_output=True, text=True, check=False)
    return answer.stdout == "install ok installed"


def fetch_jars() -> None:
    """Fetch the independent judges' jars and compile our driver, anew after each change of either.

    The stamp holds the digest of the sources, not a time: a checkout of other sources, older ones
    too, is a change.
    """
    sources = [JAVA_PROJECT / "pom.xml", *sorted((JAVA_PROJECT / "src").rglob("*.java"))]
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    stamp = JARS / "built-from"
    if stamp.exists() and stamp.read_text(encoding="ascii") == digest:
        return
    shutil.rmtree(JARS, ignore_errors=True)
    build = ["mvn", "--quiet", "--batch-mode", "--strict-checksums", "compile"]
    subprocess.run(build, check=True, cwd=JAVA_PROJECT)
    stamp.write_text(digest, encoding="ascii")


def prepare_keycloak() -> None:
    """Build Keycloak and start it once: its database is then there for every test run to copy."""
    java = find_java(os.environ)
    home = built_home(KEYCLOAK, java=java, keycloak_home=None, environment=os.environ)
    if STARTED_ONCE.exists():
        return
    with tempfile.TemporaryDirectory(dir=KEYCLOAK) as scratch:
        folder = Path(scratch) / "instance"
        password = admin_password(folder)
        with KeycloakProcess(Instance(folder, home, java, free_port(), password, {})) as keycloak:
            keycloak.wait_until_ready(SECONDS_TO_START)
        folder.rename(STARTED_ONCE)


if __name__ == "__main__":
    main()
