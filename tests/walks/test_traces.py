"""What all the walks leave behind: nothing in logs and addresses, nothing readable in databases.

This module runs last of its folder, and walks a little by itself too.
"""

import json
import re
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from simulators.server import Server
from simulators.terminal import zhengyin

pytestmark = pytest.mark.real

ZLIB_HEADERS = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")


@pytest.fixture(scope="module")
def orders(server: Server) -> list[dict[str, object]]:
    """Return the orders of the samples: all that was told of people."""
    return [
        json.loads(path.read_bytes()) for path in sorted(server.data.glob("types/*/1/sample.json"))
    ]


def texts(value: object) -> Iterator[str]:
    """Return every text in a JSON value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for member in value:
            yield from texts(member)
    elif isinstance(value, str):
        yield value


@pytest.fixture(scope="module")
def personal(orders: list[dict[str, object]]) -> set[str]:
    """Return names, document numbers, addresses and whatever else the orders say."""
    found = {
        text
        for order in orders
        for member in ("holders", "attributes")
        for text in texts(order[member])
        if len(text) > 2 and not text.isascii()
    }
    numbers = re.findall(r'"number": "(\w+)"', json.dumps(orders))
    assert len(numbers) == 2
    assert any("路" in text for text in found), "an address"
    return found | set(numbers)


def test_no_log_names_anybody(
    server: Server, samples: dict[str, Path], visitor: httpx.Client, personal: set[str]
) -> None:
    codes = re.findall(r"/c/(\w+)", server.screen.read_text(encoding="utf-8"))
    name = next(iter(personal))
    for pdf in samples.values():
        for content in (pdf.read_bytes(), pdf.read_bytes()[:-1], b"%PDF-" + name.encode()):
            visitor.post("/v1/verifications", content=content)
            visitor.post("/verify", files={"file": (f"{name}.pdf", content)})
    for word in (*codes, *samples, *personal):
        for address in (f"/c/{word}", f"/v1/status/{word}", f"/v1/certificates/{word}/status"):
            visitor.get(address, params={"name": name}, headers={"User-Agent": word.encode()})
        visitor.get(f"/nowhere/{word}")
        visitor.get("/preferences", params={"lang": word})
    log = server.log.read_text(encoding="utf-8")
    assert log.count('"route": "/c/{code}"') > len(samples)
    assert "Traceback" not in log
    leaks = [word for word in (*personal, *codes, *samples) if word in log or escaped(word) in log]
    assert leaks == []


def escaped(word: str) -> str:
    return json.dumps(word).strip('"')


def test_no_address_holds_a_name_or_number(
    samples: dict[str, Path], visitor: httpx.Client, personal: set[str]
) -> None:
    """Whatever we link to or send people to names certificates by their code alone."""
    pages = [visitor.get(address) for address in ("/", "/verify", "/trust", "/docs")]
    pages += [
        visitor.post("/verify", files={"file": ("a.pdf", pdf.read_bytes())})
        for pdf in samples.values()
    ]
    addresses = {
        address
        for page in pages
        for address in re.findall(r'(?:href|src|action)="(.*?)"', page.text)
    }
    assert len(addresses) > 5
    for address in addresses:
        assert not [word for word in (*personal, *samples) if word in address]


def streams(data: bytes) -> Iterator[bytes]:
    """Return the data, and whatever in it can be inflated."""
    yield data
    for header in ZLIB_HEADERS:
        place = data.find(header)
        while place != -1:
            with suppress(zlib.error):
                yield zlib.decompressobj().decompress(data[place:], 10_000_000)
            place = data.find(header, place + 1)


def everything_in(database: Path) -> bytes:
    """Return the octets of a database, of what lies beside it, and of every value in it."""
    parts = [path.read_bytes() for path in database.parent.glob(f"{database.name}*")]
    connection = sqlite3.connect(database)
    tables = [
        name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
    ]
    for table in tables:
        for row in connection.execute(f"SELECT * FROM {table}"):  # noqa: S608 - its own tables
            parts += [v if isinstance(v, bytes) else str(v).encode() for v in row]
    connection.close()
    return b"\n".join(stream for part in parts for stream in streams(part))


@pytest.mark.parametrize("name", ["register.db", "ledger.db"])
def test_no_database_shows_a_person(
    server: Server, samples: dict[str, Path], personal: set[str], name: str
) -> None:
    """Encrypted is more than compressed: every stream is inflated before it is searched."""
    dump = everything_in(server.data / name)
    if name == "register.db":
        for number in samples:  # what is plain by design, so that something is found at all
            assert number.encode() in dump
    leaks = [
        word
        for word in personal
        for octets in (word.encode(), word.encode("utf-16-be"), word.encode("gb18030"))
        if octets in dump or octets.hex().encode() in dump
    ]
    assert leaks == []


def test_the_search_finds_what_a_sealed_file_shows(
    samples: dict[str, Path], personal: set[str], tmp_path: Path
) -> None:
    """The same search in the files themselves finds names: they are compressed, not encrypted."""
    pdf = next(path for number, path in samples.items() if number.startswith("LN"))
    database = tmp_path / "plain.db"
    connection = sqlite3.connect(database)
    connection.execute("CREATE TABLE files (sealed BLOB)")
    connection.execute("INSERT INTO files VALUES (?)", (pdf.read_bytes(),))
    connection.commit()
    connection.close()
    dump = everything_in(database)
    assert [word for word in personal if word.encode() in dump]


def test_the_ledger_and_the_register_still_agree(server: Server) -> None:
    told = zhengyin("ledger", "verify", "--data", server.data)
    assert told.status == 0, told.err
