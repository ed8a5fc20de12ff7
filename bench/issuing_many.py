"""Row 2: issue 2,000 certificates in chunks of 100, beside reportlab, pikepdf and pyHanko."""

import os
from pathlib import Path
from statistics import median

from bench.measuring import Spent, Timing, spend
from bench.office import OurOffice, scratch
from bench.orders import make_orders
from bench.peers.issuing import PeerOffice
from bench.rows import Goal, Row, at_least, compare_table

PEER = "reportlab + pikepdf + pyHanko, a certificate"
CHUNK = 100
PEER_CHUNK = 20
WANTED_RATIO = 2
WANTED_PER_SECOND = 60
MOST_GROWTH = 1.05
"""Between the first fifth and the end: less is what the interpreter's heaps do anyway."""

NOTES = """
- Ours: the order as JSON checked, number and code reserved, drawn as PDF/A-3b, the use of the key
  ledgered, sealed (form `ses`), read again and checked, encrypted, entered, all databases synced
  (SQLite, WAL, `synchronous=FULL`).
- The peer: the same page and attachment, sealed as in row 1, written and synced; none of the rest,
  and no PDF/A. Its font holds only the characters of these orders. It issues {peer_chunk} after
  each of our chunks, {peer_count} in all, and is counted by the certificate.
- Resident memory of our process in MB, chunk by chunk: {memory}.
- The register takes {size:.0f} kB a certificate.
"""


def measure(certificates: int) -> Row:
    """Measure the row by issuing so many certificates."""
    chunks = max(5, certificates // CHUNK)
    orders = make_orders((chunks + 1) * CHUNK)
    ours: list[Spent] = []
    theirs: list[Spent] = []
    memory: list[float] = []
    with scratch() as folder, PeerOffice(folder / "peer", orders) as peer:
        office = OurOffice(folder / "office")
        for number in range(chunks + 1):  # the first warms up
            chunk = orders[number * CHUNK : (number + 1) * CHUNK]
            our_chunk = spend(lambda: office.issue(chunk)) / CHUNK  # noqa: B023 - run at once
            their_chunk = peer.issue(chunk[:PEER_CHUNK]) / PEER_CHUNK
            if number:
                ours.append(our_chunk)
                theirs.append(their_chunk)
            memory.append(_resident_mb())
        office.parts.ledger.verify_chain()
        size = (folder / "office" / "register.db").stat().st_size
        office.parts.close()
    our_time, their_time = Timing(ours), Timing(theirs)
    count = chunks * CHUNK
    per_second = 1000 / median(max(spent.cpu_ms, spent.wall_ms) for spent in ours)
    return Row(
        f"2 · Issue {count:,} certificates in chunks of {CHUNK}",
        [
            at_least("beside the peer, CPU", WANTED_RATIO, their_time.cpu_ratio(our_time)),
            at_least("certificates a second on one core", WANTED_PER_SECOND, per_second, ""),
            _flatness(memory),
        ],
        [compare_table({"ours, a certificate": our_time, PEER: their_time}, their_time)],
        NOTES.format(
            peer_chunk=PEER_CHUNK,
            peer_count=chunks * PEER_CHUNK,
            memory=", ".join(f"{megabytes:.0f}" for megabytes in memory),
            size=size / (count + CHUNK) / 1000,
        ),
    )


def _flatness(memory: list[float]) -> Goal:
    start, end = memory[len(memory) // 5], memory[-1]
    middle = memory[len(memory) // 2]
    return Goal(
        "memory flat",
        f"end ≤ {MOST_GROWTH:g} × start",
        f"{start:.0f} → {middle:.0f} → {end:.0f} MB",
        end <= MOST_GROWTH * start,
    )


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
