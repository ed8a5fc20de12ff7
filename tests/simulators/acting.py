"""People of the demo's bases who sign in on our pages and act for one another."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from threading import Thread

import httpx
from pydantic import HttpUrl
from simulators.office import PUBLIC_URL, Clock
from simulators.openid_provider import client_key, running_provider
from simulators.signed_in import connect_browser, furnish_identity, identity_of
from simulators.signing_in import Scene, Somebody
from simulators.token_drafts import AT
from simulators.web import ServedOffice

from api.people import People
from api.settings import Settings
from api.wiring import open_services
from certs.database import Transactions
from demo.population import Bases, BaseServer
from idp.realm_changes import alias_of
from idp.settings import IdentitySettings
from idp.tables import METADATA

FOOD = "91999901MA1000017H"
TRADE = "91999901MA1000025C"
MATTER = "000131168001"


@dataclass
class Stage:
    """The application with a provider and both bases, and a clock for all."""

    scene: Scene
    bases: Bases

    @property
    def people(self) -> People:
        return identity_of(self.scene.services).people

    def enter(
        self, name: str, *companies: str, level: str = "L3", with_document: bool = True
    ) -> "Player":
        """Return somebody of the bases, signed in; the provider names these companies for him."""
        person = self.bases.person(name)
        player = Player(
            self.scene, connect_browser(self.scene.services), self, name, level, with_document
        )
        player.speak(*companies)
        page = player.sign_in("/me")
        assert page.status_code == 200, page.text
        assert person.name.text in page.text
        self.scene.provider.has_session = True
        return player

    def begin_anew(self) -> None:
        """Forget everybody, and what happened to the bases and the provider."""
        vars(self.bases).update(vars(Bases.load()))
        engine = self.transactions._writing
        METADATA.drop_all(engine)
        METADATA.create_all(engine)
        self.scene.provider.behave()
        self.scene.pass_by(timedelta(minutes=1))  # a base that was away is asked again

    @property
    def transactions(self) -> Transactions:
        return identity_of(self.scene.services).transactions


@dataclass
class Player(Somebody):
    """Somebody of the bases in front of our pages."""

    stage: Stage
    name: str
    level: str
    with_document: bool

    @property
    def account(self) -> str:
        return f"account-{len(self.name)}-{sum(map(ord, self.name))}"

    def speak(self, *companies: str) -> None:
        """Let the provider know this person, and name these companies for him."""
        person = self.stage.bases.person(self.name)
        document = {
            "document_type": person.documents[0].type.value,
            "document_number": person.documents[0].number,
        }
        self.scene.say(
            sub=self.account,
            sid=f"sid-{self.account}",
            identity_level=self.level,
            full_name=self.name,
            organization={alias_of(uscc): {"uscc": [uscc], "id": uscc} for uscc in companies},
            **(document if self.with_document else {}),
        )
        self.scene.provider.has_session = True

    def choose(self, choice: str, next_page: str = "/me") -> httpx.Response:
        """Choose on the page for whom to act, and follow where that leads."""
        page = self.go(f"/acting?next={next_page}")
        assert page.status_code == 200
        answer = self.send(page, "/acting", choice=choice)
        return self.follow(answer)

    def follow(self, answer: httpx.Response) -> httpx.Response:
        """Follow every redirect."""
        for _ in range(10):
            if not answer.is_redirect:
                return answer
            answer = self.step(answer)
        raise AssertionError("sent round in a circle")

    def press(self, page: httpx.Response, action: str, **changes: str) -> httpx.Response:
        """Press a button and follow where that leads."""
        return self.follow(self.send(page, action, **changes))


@contextmanager
def open_stage(office: ServedOffice) -> Iterator[Stage]:
    """Open the application over an office of its own in which people can sign in."""
    folder = furnish_identity(office).folder
    key_file = Settings(data=folder).client_key_file
    key_file.write_bytes(client_key().as_pem(private=True))
    bases = Bases.load()
    with running_provider() as provider, BaseServer(bases=bases) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        settings = Settings(
            data=folder,
            public_url=HttpUrl(PUBLIC_URL),
            identity=IdentitySettings(
                issuer=HttpUrl(provider.issuer), bases_url=HttpUrl(server.address)
            ),
        )
        clock = Clock(AT)
        with open_services(settings, clock=clock) as services:
            yield Stage(Scene(services, provider, clock), bases)
        server.shutdown()
