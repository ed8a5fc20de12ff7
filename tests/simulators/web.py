"""The web application over an office, and visitors of it: no server, no socket."""

import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from pydantic import HttpUrl
from simulators.office import AT, PUBLIC_URL, SENIOR_CARD, Clock, new_office
from starlette.exceptions import StarletteDeprecationWarning

from api.app import create_app
from api.settings import Settings
from api.wiring import Services, open_services
from certs.issuance import Issued
from certs.lifecycle import LegalKind

with warnings.catch_warnings():
    # It would rather have another HTTP library than the one the other tests use.
    warnings.simplefilter("ignore", StarletteDeprecationWarning)
    from fastapi.testclient import TestClient

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
CHINESE = {"Accept-Language": "zh-CN,zh;q=0.9"}
ENGLISH = {"Accept-Language": "en-GB,en;q=0.8"}


@dataclass(frozen=True, slots=True)
class ServedOffice:
    """An office with a few certificates in its register."""

    folder: Path
    licence: Issued
    """In force; its register is public."""
    card: Issued
    """In force; its register is not public."""
    revoked: Issued
    """A licence that was revoked as a penalty."""

    @contextmanager
    def open(self, clock: Clock | None = None) -> Iterator[Services]:
        """Open the services over this office."""
        settings = Settings(data=self.folder, public_url=HttpUrl(PUBLIC_URL))
        with open_services(settings, clock=clock or Clock()) as services:
            yield services

    def lose_register(self, services: Services) -> None:
        """Take the register away from services that are open on it."""
        services.office.transactions.close()
        for path in self.folder.glob("register.db*"):
            path.unlink()
        (self.folder / "register.db").mkdir()

    def lose_ledger(self, services: Services) -> None:
        """Take the ledger away from services that are open on it."""
        services.office.ledger.close()
        for path in self.folder.glob("ledger.db*"):
            path.unlink()
        (self.folder / "ledger.db").mkdir()

    def copy_to(self, folder: Path) -> "ServedOffice":
        """Return a copy that may be spoilt."""
        shutil.copytree(self.folder, folder)
        return ServedOffice(folder, self.licence, self.card, self.revoked)


def furnish(folder: Path) -> ServedOffice:
    """Make an office in `folder` and issue its certificates."""
    office = new_office(folder)
    licence, revoked = office.issue(2)
    (card,) = office.issue(1, SENIOR_CARD)
    number = revoked.certificate.number
    office.register.revoke(number, LegalKind.DIAOXIAO, officer="operator", at=AT)
    office.close()
    return ServedOffice(folder, licence, card, revoked)


def connect(services: Services, *, rate_limited: bool = False) -> httpx.Client:
    """Return a visitor of the application over `services`; he follows no redirect."""
    app = create_app(services, rate_limited=rate_limited)
    return TestClient(app, raise_server_exceptions=False, follow_redirects=False)
