"""A Keycloak of ours at work: on the loopback interface, alone, bounded, ended with its parent."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import httpx

from idp.errors import ServerStartError
from idp.faults import ServerFault

ADMINISTRATOR = "admin"
HOW_TO_INSTALL_SETPRIV = "apt install util-linux"
HEAP_MIB = 384
"""Enough for a district's demonstration; after thousands of sign-ins 512 were not filled."""
SECONDS_TO_STOP = 20
SECONDS_BETWEEN_LOOKS = 0.25
_SHARED = ("conf", "lib", "providers")
"""What instances share; each has data and themes of its own."""
_THREAD_FACTORY = "io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory"
_JAVA_OPTIONS = (
    "-Xms64m",
    f"-Xmx{HEAP_MIB}m",
    "-XX:MaxMetaspaceSize=256m",
    "-XX:+ExitOnOutOfMemoryError",
    # Half the processor time of the defaults to start.
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-Dfile.encoding=UTF-8",
    "-Duser.language=en",
    "-Duser.country=US",
    # As its own script has them.
    "-Djava.util.logging.manager=org.jboss.logmanager.LogManager",
    f"-Djava.util.concurrent.ForkJoinPool.common.threadFactory={_THREAD_FACTORY}",
    "-Dpicocli.disable.closures=true",
    "--add-opens=java.base/java.util=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
    "--add-opens=java.base/java.security=ALL-UNNAMED",
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
)


@dataclass(frozen=True, slots=True)
class Instance:
    """What is to be started, and where."""

    folder: Path
    """Its data, its log: nothing of it is shared."""
    home: Path
    java: Path
    port: int
    admin_password: str = field(repr=False)
    """Taken when its database is made, not later."""
    theme_folders: Mapping[str, Path]
    """Login themes by name."""

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://localhost:{self.port}"

    @property
    def log(self) -> Path:
        """What it writes."""
        return self.folder / "keycloak.log"


class KeycloakProcess:
    """A started Keycloak. The kernel ends it when the thread that started it ends, killed or not.

    So start it from a thread that lives as long as it should: the main one.
    """

    def __init__(self, instance: Instance) -> None:
        """Start it; raise `ServerStartError`. It is ready some 15 seconds later."""
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            raise ServerStartError(ServerFault.NO_SETPRIV, HOW_TO_INSTALL_SETPRIV)
        self.url = instance.url
        self._instance = instance
        self._health_port = free_port()
        _verify_free(instance.port)
        _furnish(instance)
        with instance.log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603  # our own words
                [setpriv, "--pdeathsig", "TERM", "--", *self._command()],
                cwd=instance.folder,
                env=_environment(instance),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us; we stop it
            )

    def _command(self) -> list[str]:
        folder = self._instance.folder.resolve()
        return [
            str(self._instance.java),
            *_JAVA_OPTIONS,
            f"-Dkc.home.dir={folder}",
            f"-Djboss.server.config.dir={folder / 'conf'}",
            "-cp",
            str(folder / "lib" / "quarkus-run.jar"),
            "io.quarkus.bootstrap.runner.QuarkusEntryPoint",
            "start",
            "--optimized",
            "--cache=local",  # otherwise it would listen for others of its kind, on every interface
            "--http-enabled=true",
            "--http-host=127.0.0.1",
            f"--http-port={self._instance.port}",
            f"--http-management-port={self._health_port}",
            f"--hostname={self.url}",
            # Each look before it is ready would write a line.
            "--log-level=warn,io.smallrye.health:off,org.keycloak.common.Profile:error",
        ]

    def __enter__(self) -> Self:
        """Be stopped at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.stop()

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def is_ready(self) -> bool:
        """Whether it answers; raise `ServerStartError` when it has ended."""
        if self._process.poll() is not None:
            raise ServerStartError(ServerFault.ENDED, str(self._instance.log))
        try:
            health = f"http://127.0.0.1:{self._health_port}/health/ready"
            return httpx.get(health, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def wait_until_ready(self, seconds: float) -> None:
        """Return when it answers; raise `ServerStartError` when it ends or takes longer."""
        deadline = time.monotonic() + seconds
        while not self.is_ready():
            if time.monotonic() > deadline:
                raise ServerStartError(ServerFault.TOO_SLOW, str(self._instance.log))
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def stop(self) -> None:
        """End it, in order if it can."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _furnish(instance: Instance) -> None:
    instance.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    links = {instance.folder / name: instance.home / name for name in _SHARED}
    themes = instance.folder / "themes"
    themes.mkdir(exist_ok=True)
    links |= {themes / name: folder for name, folder in instance.theme_folders.items()}
    for link, target in links.items():
        link.unlink(missing_ok=True)
        link.symlink_to(target.resolve())


def _environment(instance: Instance) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C.UTF-8",
        "KC_BOOTSTRAP_ADMIN_USERNAME": ADMINISTRATOR,
        "KC_BOOTSTRAP_ADMIN_PASSWORD": instance.admin_password,
    }


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def _verify_free(port: int) -> None:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        raise ServerStartError(ServerFault.PORT_TAKEN, str(port)) from None
