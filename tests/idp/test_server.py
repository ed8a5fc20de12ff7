"""Keycloak is found, checked, started and ended; what is missing is named."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import set_up
from simulators.keycloak import KeycloakServer

from idp.errors import ServerStartError
from idp.faults import ServerFault
from idp.server import distribution
from idp.server.distribution import built_home
from idp.server.first_secrets import admin_password, client_key
from idp.server.java import find_java
from idp.server.process import Instance, KeycloakProcess, free_port


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def java_of(folder: Path, version: str) -> Path:
    return program(folder / "bin" / "java", f"echo 'openjdk version \"{version}\"' >&2")


def test_the_first_java_that_is_new_enough(tmp_path: Path) -> None:
    old = java_of(tmp_path / "old", "11.0.2")
    new = java_of(tmp_path / "new", "21.0.1")
    environment = {"JAVA_HOME": str(old.parent.parent), "PATH": str(new.parent)}
    assert find_java(environment) == new
    assert find_java({"JAVA_HOME": str(new.parent.parent), "PATH": ""}) == new


def test_no_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("idp.server.java.find_spec", lambda _: None)
    ancient = java_of(tmp_path, "1.8.0_402")
    with pytest.raises(ServerStartError) as missing:
        find_java({"PATH": str(ancient.parent)})
    assert missing.value.fault is ServerFault.NO_JAVA
    assert missing.value.detail.startswith("apt install")


def build(cache: Path, *, path: str = "", keycloak_home: Path | None = None) -> ServerFault:
    with pytest.raises(ServerStartError) as refused:
        built_home(
            cache, java=Path("java"), keycloak_home=keycloak_home, environment={"PATH": path}
        )
    assert not [entry for entry in cache.iterdir() if entry.is_dir()]  # nothing half-made is left
    return refused.value.fault


def test_another_keycloak_is_not_taken(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "lib" / "lib").mkdir(parents=True)
    (home / "lib" / "lib" / "keycloak.jar").write_bytes(b"another")
    assert build(tmp_path / "cache", keycloak_home=home) is ServerFault.WRONG_DIGEST


def test_an_archive_that_was_altered_is_not_unpacked(tmp_path: Path) -> None:
    leave = 'for a; do case "$a" in -DoutputDirectory=*) d="${a#*=}";; esac; done'
    name = f"keycloak-quarkus-dist-{distribution.VERSION}.zip"
    program(tmp_path / "mvn", f'{leave}; echo altered > "$d/{name}"')
    path = f"{tmp_path}:{os.defpath}"
    assert build(tmp_path / "cache", path=path) is ServerFault.WRONG_DIGEST


def test_nothing_to_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distribution, "RELEASE", f"http://127.0.0.1:{free_port()}/keycloak.zip")
    assert build(tmp_path / "cache") is ServerFault.NO_DISTRIBUTION


def test_a_build_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    for name in ("conf", "lib", "providers"):
        (home / name).mkdir(parents=True)
    program(home / "bin" / "kc.sh", "exit 1")
    digest = distribution.libraries_digest(home)
    monkeypatch.setattr(distribution, "LIBRARIES_SHA256", digest)
    path = os.defpath
    assert build(tmp_path / "cache", path=path, keycloak_home=home) is ServerFault.BUILD_FAILED


def test_secrets_are_made_once_and_for_nobody_else(tmp_path: Path) -> None:
    folder = tmp_path / "identity"
    password, pem = admin_password(folder), client_key(folder, "platform")
    assert (admin_password(folder), client_key(folder, "platform")) == (password, pem)
    assert client_key(folder, "platform-admin") != pem
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


STARTS = """
import os, sys
from pathlib import Path
from idp.server.process import Instance, KeycloakProcess
folder, home, java, port = sys.argv[1:]
print(KeycloakProcess(Instance(Path(folder), Path(home), Path(java), int(port), "x", {})).pid)
sys.stdout.flush()
sys.stdin.read()
"""


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    set_up.prepare_keycloak()
    java = find_java(os.environ)
    home = built_home(set_up.KEYCLOAK, java=java, keycloak_home=None, environment=os.environ)
    return Instance(tmp_path / "instance", home, java, free_port(), "x", {})


@pytest.mark.real
def test_it_ends_with_its_parent_even_if_that_is_killed(instance: Instance) -> None:
    arguments = map(str, (instance.folder, instance.home, instance.java, instance.port))
    parent = subprocess.Popen(
        [sys.executable, "-c", STARTS, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=set_up.ROOT,
    )
    with parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        wait(lambda: "io.quarkus" in _command_line(child))
        parent.send_signal(signal.SIGKILL)
    wait(lambda: not _command_line(child))


def wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()  # empty when it waits to be buried
    except OSError:
        return ""


@pytest.mark.real
def test_one_that_ends_at_once_says_so(instance: Instance) -> None:
    with KeycloakProcess(instance) as keycloak:
        os.kill(keycloak.pid, signal.SIGKILL)
        with pytest.raises(ServerStartError) as ended:
            keycloak.wait_until_ready(20)
    assert ended.value.fault is ServerFault.ENDED


@pytest.mark.real
def test_it_waits_no_longer_than_it_is_told(instance: Instance) -> None:
    with KeycloakProcess(instance) as keycloak, pytest.raises(ServerStartError) as slow:
        keycloak.wait_until_ready(0)
    assert slow.value.fault is ServerFault.TOO_SLOW


@pytest.mark.real
def test_a_port_that_is_taken(instance: Instance) -> None:
    listener = socket.create_server(("127.0.0.1", instance.port))
    with listener, pytest.raises(ServerStartError) as taken:
        KeycloakProcess(instance)
    assert (taken.value.fault, taken.value.detail) == (ServerFault.PORT_TAKEN, str(instance.port))


@pytest.mark.real
def test_it_is_heard_on_the_loopback_interface_alone(keycloak: KeycloakServer) -> None:
    port = f"{int(keycloak.url.rpartition(':')[2]):04X}"
    lines = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    listening = {
        fields[1].partition(":")[0]
        for fields in lines
        if fields[3] == "0A" and fields[1].endswith(f":{port}")
    }
    assert listening <= {"0100007F", "0000000000000000FFFF00000100007F"}
    assert listening
