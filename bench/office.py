"""Our own office for the rows about issuing, fresh in a folder on a real disk."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from simulators.office import FOOD_LICENCE, MARKET_BUREAU, Office, new_office

from certs.acceptance import KeyedOrder
from certs.issuance import Issued, Refused
from certs.orders import parse_order, read_order

VAR = Path(__file__).parent / "var"
"""Not /tmp, which may be memory: what is synced shall reach a disk."""


@contextmanager
def scratch() -> Iterator[Path]:
    """Give a folder on the disk of the project, and remove it."""
    VAR.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=VAR) as folder:
        yield Path(folder)


class OurOffice:
    """Issues food business licences, as an office does that gets its orders as JSON."""

    def __init__(self, folder: Path) -> None:
        """Make everything anew in `folder`."""
        self.parts: Office = new_office(folder)
        self._type = self.parts.catalogue.find(FOOD_LICENCE)
        self._keys = count(1)

    def issue(self, orders: Sequence[bytes]) -> list[Issued]:
        """Issue them together: checked, drawn, sealed, checked, encrypted, entered, synced."""
        outcomes = self.parts.try_to_issue([self._keyed(order) for order in orders])
        issued = []
        for outcome in outcomes:
            if isinstance(outcome, Refused):
                raise outcome.error
            issued.append(outcome)
        return issued

    def _keyed(self, unverified_order: bytes) -> KeyedOrder:
        order = parse_order(
            read_order(unverified_order),
            certificate_type=self._type,
            authorities=self.parts.authorities,
            authority_uscc=MARKET_BUREAU,
            at=self.parts.at,
        )
        return KeyedOrder(order, f"bench-{next(self._keys)}")
