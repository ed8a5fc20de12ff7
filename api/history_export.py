"""A person's sign-ins as a file: CSV for office programs, JSON for others."""

import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass
from io import StringIO

from api.messages import Messages
from certs.orders import CHINA_TIME
from idp.history import SignIn

BYTE_ORDER_MARK = "\ufeff"
"""Without it, office programs in China read GB 18030."""
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""A cell that begins so may be computed when the file is opened, which can send it away (OWASP,
CSV Injection); the full-width ones are taken for the others by some programs."""
COLUMNS = ("at", "service", "client", "means", "level", "claims")


@dataclass(frozen=True, slots=True)
class Exported:
    """An entry, and what the service is called in the reader's language."""

    entry: SignIn
    service: str

    @property
    def acr(self) -> str | None:
        """The word for its level."""
        return None if self.entry.level is None else self.entry.level.acr


def to_csv(entries: Iterable[Exported], text: Messages) -> bytes:
    """Return the entries as CSV (RFC 4180) in UTF-8, with titles in the reader's language."""
    table = StringIO()
    writer = csv.writer(table, lineterminator="\r\n")
    writer.writerow([text(f"page.history.column.{name}") for name in COLUMNS])
    for exported in entries:
        entry, acr = exported.entry, exported.acr
        claims = [text(f"claim.{name}") for name in entry.claims]
        cells = (
            entry.at.astimezone(CHINA_TIME).isoformat(timespec="seconds"),
            exported.service,
            entry.client_id,
            text(f"means.{entry.means}"),
            "" if acr is None else text(f"authentication_level.{acr}"),
            text("page.history.and").join(claims),
        )
        writer.writerow(map(without_formula, cells))
    return (BYTE_ORDER_MARK + table.getvalue()).encode()


def to_json(entries: Iterable[Exported]) -> bytes:
    """Return the entries as a JSON list, in the words of programs."""
    return json.dumps(
        [
            {
                "at": exported.entry.at.isoformat(timespec="seconds"),
                "service": exported.service,
                "client_id": exported.entry.client_id,
                "means": exported.entry.means,
                "level": exported.acr,
                "claims": list(exported.entry.claims),
            }
            for exported in entries
        ],
        ensure_ascii=False,
        indent=1,
    ).encode()


def without_formula(cell: str) -> str:
    """Return what shows the same and is computed by no program."""
    return f"'{cell}" if cell.startswith(FORMULA_SIGNS) else cell
