"""What `make run` does about signing in: Keycloak and all that belongs to it run beside.

They are a process of their own (`demo.beside`), so that the platform serves meanwhile.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from threading import Thread

from api.commands.common import Exit, terminal_messages
from api.identity import upgrade_database
from api.keycloak_beside import CACHE, is_at_hand, keycloak_instance
from api.realm_site import plan_for
from api.settings import Settings
from idp.errors import ServerStartError

BESIDE = "demo.beside"
SECONDS_TO_STOP = 40
"""Keycloak is given 20 to end in order."""


@dataclass(slots=True)
class Beside:
    """The process that runs beside, and how it ended."""

    status: int = Exit.FAILED


def identity_is_ready(settings: Settings, *, wanted: bool) -> bool:
    """Whether people will be able to sign in; where they will not, the terminal says why."""
    text = terminal_messages()
    if not wanted or find_spec("demo") is None:
        _say(text("demo.off"))
        return False
    try:
        if not is_at_hand(settings, CACHE):
            _say(text("demo.fetching"))
            keycloak_instance(settings, CACHE)
    except ServerStartError as error:
        why = text(f"server_fault.{error.fault}", detail=error.detail)
        _say(text("demo.without", why=why))
        return False
    plan_for(settings)  # makes the keys by which the provider will know us
    upgrade_database(settings)
    return True


@contextmanager
def run_beside(settings: Settings, *, port: int, once: bool) -> Iterator[Beside]:
    """Run it while the block runs. With `once`, its end interrupts the block."""
    _say(terminal_messages()("demo.joining"))
    setpriv = [shutil.which("setpriv") or "setpriv", "--pdeathsig", "TERM", "--"]
    command = [*setpriv, sys.executable, "-m", BESIDE, "--port", str(port)]
    beside = Beside()
    with subprocess.Popen(  # noqa: S603  # our own words
        [*command, *(["--once"] if once else [])],
        env={**os.environ, **_environment(settings)},
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for us; we end it
    ) as process:
        if once:
            Thread(target=_interrupt_after, args=(process,), daemon=True).start()
        try:
            yield beside
        finally:
            process.terminate()
            beside.status = process.wait(SECONDS_TO_STOP)


def _environment(settings: Settings) -> dict[str, str]:
    return {
        "ZHENGYIN_DATA": str(settings.data.resolve()),
        "ZHENGYIN_PUBLIC_URL": settings.origin,
        "IDP_BASES_URL": str(settings.identity.bases_url),
    }


def _interrupt_after(process: "subprocess.Popen[bytes]") -> None:
    process.wait()
    os.kill(os.getpid(), signal.SIGINT)


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()
