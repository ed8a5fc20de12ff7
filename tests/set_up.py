"""Bring the machine to where every test can run, or say in one line what is missing.

Debian packages are installed only as root; jars are fetched here so that the tests run offline.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ROOT / "tests" / "debian-packages.txt"
JAVA_PROJECT = ROOT / "tests" / "independent" / "java"
JARS = ROOT / ".cache" / "java"


def main() -> None:
    """Install what is missing, or stop before the first test."""
    install_debian_packages()
    fetch_jars()


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
    """Copy the independent judges' jars and compile our driver, once for each change."""
    sources = [JAVA_PROJECT / "pom.xml", *sorted((JAVA_PROJECT / "src").rglob("*.java"))]
    stamp = JARS / ".fetched"
    newest = max(source.stat().st_mtime for source in sources)
    if stamp.exists() and stamp.stat().st_mtime > newest:
        return
    JARS.mkdir(parents=True, exist_ok=True)
    goals = ["compile", "dependency:copy-dependencies", f"-DoutputDirectory={JARS / 'lib'}"]
    build = ["mvn", "--quiet", "--batch-mode", f"-Dproject.build.directory={JARS}", *goals]
    subprocess.run(build, check=True, cwd=JAVA_PROJECT)
    stamp.touch()


if __name__ == "__main__":
    main()
