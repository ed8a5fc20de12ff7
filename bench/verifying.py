"""Row 4: verify our own certificates, in process, through the sandbox and over HTTP."""

import http.client
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import cycle
from statistics import median

from api.app import create_app
from api.office import Office, initialise
from api.settings import Settings
from api.wiring import RegisterAsSource, Services, open_services
from bench.measuring import Timing, Work, compare
from bench.office import scratch
from bench.peers.pyhanko_validate import PyHankoValidator
from bench.rows import Row, at_least, at_most, compare_table
from bench.serving import serving
from certs.issuance import Issued
from certs.orders import parse_order
from verify.policy import OFFICE, TrustAnchors
from verify.report import Verdict
from verify.sandbox import Sandbox
from verify.verifier import Verifier

ROUNDS = 15
WANTED = 5
MOST_FOR_SANDBOX_MS = 5
NUMERALS = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉"
FILES = len(NUMERALS)
TYPES = {"ses": "food-business-licence", "pades": "senior-citizen-card"}

NOTES = """
- The files, each in its turn: {files} food business licences of form `ses` ({ses} octets) and
  {files} senior citizens' cards of form `pades` ({pades} octets), all different.
- Ours: checks 1 to 7 under the policy `office`, the register asked in SQLite. Over HTTP: uvicorn
  and a client on loopback, in the sandbox, the record of the verification committed and synced. The
  CPU of sandboxed children is not in the CPU column; on one core it is in the wall column.
- The peer validates the form that it can, `pades`, in process: coverage, differences, digest,
  signature, path, algorithms. It knows no seal, byte rule, attached data or register.
"""


def clock() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def measure() -> Row:
    """Measure the row."""
    with scratch() as folder:
        settings = Settings(data=folder)
        initialise(settings, clock=clock)
        with open_services(settings, clock=clock) as services, _serving(services) as post:
            return _measure(services, post)


def _measure(services: Services, post: Callable[[bytes], None]) -> Row:
    office = services.office
    files = {form: [_issue(office, slug, n) for n in range(FILES)] for form, slug in TYPES.items()}
    validator = PyHankoValidator([office.pki.root])
    works: dict[str, Work] = {}
    for form, some in files.items():
        works |= {
            f"{form}, in process": Work(_each(some, _verification(services, None)), 2 * FILES),
            f"{form}, sandbox": Work(_each(some, _verification(services, services.sandbox)), FILES),
            f"{form}, HTTP": Work(_each(some, post), FILES),
        }
    validate = _each(files["pades"], lambda file: validator.validate(file, at=clock()))
    works["pyHanko, pades"] = Work(validate, FILES)
    timings = compare(works, rounds=ROUNDS)
    peer = timings["pyHanko, pades"]
    sandbox = max(
        _more(timings[f"{form}, sandbox"], timings[f"{form}, in process"]) for form in TYPES
    )
    return Row(
        "4 · Verify our certificate, all checks",
        [
            at_least(
                "in process beside pyHanko, CPU",
                WANTED,
                peer.cpu_ratio(timings["pades, in process"]),
            ),
            at_most("what the sandbox adds, wall", MOST_FOR_SANDBOX_MS, sandbox, " ms"),
        ],
        [compare_table(timings, peer)],
        NOTES.format(files=FILES, **{form: len(some[0]) for form, some in files.items()}),
    )


def _issue(office: Office, slug: str, number: int) -> bytes:
    """Return a new certificate: the type's sample, for somebody else each time."""
    kind = office.catalogue.find(slug)
    authority = next(iter(office.authorities.entitled(kind)))
    order = json.loads((kind.folder / "sample.json").read_bytes())
    order["holders"][0]["name"] += NUMERALS[number]
    outcome = office.issue_one(
        parse_order(
            order,
            certificate_type=kind,
            authorities=office.authorities,
            authority_uscc=authority.uscc,
            at=clock(),
        ),
        key=f"{slug}-{number}",
        at=clock(),
    )
    if not isinstance(outcome, Issued):
        raise outcome.error
    return outcome.data


def _each(files: Sequence[bytes], run: Callable[[bytes], None]) -> Callable[[], None]:
    """Return what takes the files in turn: who sees one only remembers too much of it."""
    turns = cycle(files)
    return lambda: run(next(turns))


def _verification(services: Services, sandbox: Sandbox | None) -> Callable[[bytes], None]:
    verifier = Verifier(
        policy=OFFICE,
        anchors=TrustAnchors((services.office.pki.root,)),
        status_source=RegisterAsSource(services.office),
        sandbox=sandbox,
    )

    def run(file: bytes) -> None:
        if verifier.verify(file, at=clock(), report_id="bench").verdict is not Verdict.VALID:
            raise ValueError("not valid")

    return run


@contextmanager
def _serving(services: Services) -> Iterator[Callable[[bytes], None]]:
    """Serve; give a function that has a file verified over one connection."""
    with serving(create_app(services, rate_limited=False)) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        yield lambda file: _post(connection, file)
        connection.close()


def _post(connection: http.client.HTTPConnection, file: bytes) -> None:
    headers = {"Content-Type": "application/pdf"}
    connection.request("POST", "/v1/verifications", body=file, headers=headers)
    report = json.load(connection.getresponse())
    if report["verdict"] != Verdict.VALID:
        raise ValueError("not valid")


def _more(with_it: Timing, without: Timing) -> float:
    """Return how much longer the first takes, in milliseconds: median over the rounds."""
    pairs = zip(with_it.rounds, without.rounds, strict=True)
    return median(more.wall_ms - less.wall_ms for more, less in pairs)
