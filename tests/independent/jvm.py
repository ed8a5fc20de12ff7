"""Runs the judges that need Java; set-up put their jars and our driver into .cache/java."""

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

JARS = Path(__file__).resolve().parents[2] / ".cache" / "java"
CLASS_PATH = f"{JARS / 'lib' / '*'}:{JARS / 'classes'}"
TIMEOUT_S = 120


def run_java(main_class: str, *arguments: str | Path) -> str:
    """Return what the program says on standard output; an exit status is the caller's to expect.

    A start takes seconds: give it all files at once.
    """
    assert (JARS / "lib").is_dir(), "no jars: run `python -m tests.set_up` (make test does)"
    with TemporaryDirectory() as folder:  # veraPDF leaves logs and settings behind
        places = (f"-Djava.io.tmpdir={folder}", f"-Duser.home={folder}")
        done = subprocess.run(
            ["java", *places, "-cp", CLASS_PATH, main_class, *arguments],
            capture_output=True,
            encoding="utf-8",
            timeout=TIMEOUT_S,
            check=False,
        )
    assert done.stdout, done.stderr
    return done.stdout
