"""Row 3: issue one certificate, and where the time goes."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from bench import office as bench_office
from bench.measuring import Spent, Timing, spend
from bench.office import OurOffice, scratch
from bench.orders import make_orders
from bench.peers.issuing import PeerOffice
from bench.rows import Row, Table, compare_table, number, waiting
from bench.stages import Door, watched
from certs import drawing, issuance, reservation, sealing
from certs.drawing import Drawing
from certs.issuance import Issuance
from certs.reservation import Reservations
from certs.row_cipher import RowCipher
from certs.sealing import Sealing
from hsm.custody import Custodian
from hsm.ledger import Ledger
from signing.pdf.prepare import PreparedPdf

ROUNDS = 15
REPEATS = 8
CHUNK = 100
CHUNKS = 3

STAGES: Mapping[str, Sequence[Door]] = {
    "order checked": [(bench_office, "parse_order"), (issuance, "missing_characters")],
    "order reserved, committed": [(Reservations, "reserve")],
    "QR code": [(drawing, "draw_qr")],
    "page drawn (typst)": [(drawing, "typeset")],
    "what the page says": [(Drawing, "draw"), (Sealing, "draft")],
    "prepared and embedded (SM3)": [(sealing, "prepare"), (PreparedPdf, "embed")],
    "uses of keys ledgered, committed": [
        (Ledger, "find_all"),
        (Ledger, "open"),
        (Ledger, "complete"),
    ],
    "SM2 signed and verified": [(Custodian, "_sign")],
    "the rest of custody": [(Custodian, "apply_seal")],
    "self-check": [(sealing, "_verify")],
    "encrypted (SM4)": [(RowCipher, "encrypt")],
    "entered, committed": [
        (issuance, "_entry"),
        (issuance, "encode_entry"),
        (Issuance, "_enter"),
        (reservation, "_load"),
    ],
    "the rest": [(OurOffice, "issue")],
}

NOTES = """
- In a process that has issued some before; the sides and their work are those of row 2.
- Waiting is wall time without CPU: for the disk, or while something else had the core. A small
  write with its fsync took {fsync_ms:.2f} ms here. Issuing commits four times, for one certificate
  as for a hundred: order, use of the key, register, use completed. The peer syncs a file and its
  folder.
"""


def measure() -> Row:
    """Measure the row."""
    orders = make_orders((2 * ROUNDS + 1) * REPEATS + CHUNKS * CHUNK)
    turns = _split(orders[: -CHUNKS * CHUNK], REPEATS)
    chunks = _split(orders[-CHUNKS * CHUNK :], CHUNK)
    ours: list[Spent] = []
    theirs: list[Spent] = []
    with scratch() as folder, PeerOffice(folder / "peer", orders) as peer:
        office = OurOffice(folder / "office")
        for some in turns[: ROUNDS + 1]:
            ours.append(_mean([spend(lambda: office.issue([o])) for o in some]))  # noqa: B023 - run at once
            theirs.append(_mean([peer.issue([order]) for order in some]))
        with watched(STAGES) as one_by_one:
            for some in turns[ROUNDS + 1 :]:
                for order in some:
                    office.issue([order])
        with watched(STAGES) as together:
            for chunk in chunks:
                office.issue(chunk)
        office.parts.close()
        fsync_ms = _fsync_ms(folder)
    timings = {"ours": Timing(ours[1:]), "reportlab + pikepdf + pyHanko": Timing(theirs[1:])}
    return Row(
        "3 · Issue one certificate",
        [],
        [
            compare_table(timings, timings["reportlab + pikepdf + pyHanko"]),
            _stages(one_by_one.spent(ROUNDS * REPEATS), together.spent(CHUNKS * CHUNK)),
        ],
        NOTES.format(fsync_ms=fsync_ms),
    )


def _split(orders: Sequence[bytes], size: int) -> list[Sequence[bytes]]:
    return [orders[start : start + size] for start in range(0, len(orders), size)]


def _mean(spent: Sequence[Spent]) -> Spent:
    return Spent(
        sum(once.cpu_ms for once in spent) / len(spent),
        sum(once.wall_ms for once in spent) / len(spent),
    )


def _stages(one: Mapping[str, Spent], many: Mapping[str, Spent]) -> Table:
    nothing = Spent(0, 0)
    lines = []
    for stage in STAGES:
        alone, shared = one.get(stage, nothing), many.get(stage, nothing)
        lines.append(
            [
                stage,
                number(alone.cpu_ms),
                waiting(alone),
                number(shared.cpu_ms),
                waiting(shared),
            ]
        )
    headings = ["where the time goes, ms a certificate", "alone: CPU", "waiting"]
    return Table([*headings, f"in chunks of {CHUNK}: CPU", "waiting"], lines)


def _fsync_ms(folder: Path) -> float:
    """Return what a small write and its fsync take on this disk: median of some."""
    with (folder / "small").open("wb", buffering=0) as file:

        def write() -> None:
            file.write(bytes(4096))
            os.fsync(file.fileno())

        return median(spend(write).wall_ms for _ in range(50))
