"""The two bases, simulated: invented people and companies out of `demo/bases`.

In a test it is an object (`Bases`); in the demo a process that answers `idp.base_client` on the
loopback: `python -m demo.population --port 8191`. The files are read again whenever they change, so
that somebody may die or a company may be deregistered while people are signed in.
"""

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from idp.documents import IdentityDocument
from idp.errors import BaseUnavailableError
from idp.names import NamedPerson, PersonName
from idp.sources import Guardianship, LegalPersonAnswer, LegalState, PersonAnswer, PersonState

FOLDER = Path(__file__).parent / "bases"
PORT = 8191
LONGEST_QUESTION = 16 * 1024


@dataclass
class BasePerson:
    """Somebody in the population base."""

    name: PersonName
    documents: list[IdentityDocument]
    state: PersonState = PersonState.LIVING
    guardians: list[IdentityDocument] = field(default_factory=list)
    of_age_at: datetime | None = None


@dataclass
class BaseCompany:
    """A company in the base of legal persons."""

    uscc: str
    name: str
    representative: NamedPerson
    state: LegalState = LegalState.ACTIVE
    successor: str | None = None


@dataclass
class Bases:
    """Both bases in memory; a test changes what they hold, and switches them off."""

    people: list[BasePerson]
    companies: list[BaseCompany]
    away: bool = False
    asked: int = 0

    @classmethod
    def load(cls, folder: Path = FOLDER) -> Self:
        """Read the files of a folder."""
        people = json.loads((folder / "people.json").read_text(encoding="utf-8"))["people"]
        companies = json.loads((folder / "companies.json").read_text(encoding="utf-8"))["companies"]
        return cls([_person(person) for person in people], [_company(each) for each in companies])

    def person(self, name: str) -> BasePerson:
        """Return the person of this name."""
        return next(person for person in self.people if person.name.text == name)

    def company(self, uscc: str) -> BaseCompany:
        """Return the company with this code."""
        return next(company for company in self.companies if company.uscc == uscc)

    def compare(
        self, document: IdentityDocument, name: PersonName, *, at: datetime
    ) -> PersonAnswer:
        """Answer as `idp.sources.PopulationBase` does."""
        self._answer()
        person = self._holder(document)
        if person is None:
            return PersonAnswer(PersonState.UNKNOWN, same_name=False, as_of=at)
        same = person.name.matching == name.matching
        return PersonAnswer(person.state, same_name=same, as_of=at)

    def wards_of(self, guardian: IdentityDocument, *, at: datetime) -> tuple[Guardianship, ...]:
        """Answer as `idp.sources.PopulationBase` does."""
        self._answer()
        return tuple(
            Guardianship(NamedPerson(ward.name, ward.documents[0]), guardian, ward.of_age_at)
            for ward in self.people
            if guardian in ward.guardians and ward.of_age_at is not None and ward.of_age_at > at
        )

    def find(self, uscc: str, *, at: datetime) -> LegalPersonAnswer | None:
        """Answer as `idp.sources.LegalPersonBase` does."""
        self._answer()
        for company in self.companies:
            if company.uscc == uscc:
                return LegalPersonAnswer(
                    uscc=uscc,
                    name=company.name,
                    state=company.state,
                    successor=company.successor,
                    representative=company.representative,
                    as_of=at,
                )
        return None

    def represented_by(self, document: IdentityDocument, *, at: datetime) -> tuple[str, ...]:
        """Answer as `idp.sources.LegalPersonBase` does."""
        self._answer()
        return tuple(
            company.uscc
            for company in self.companies
            if company.representative.document == document and company.state is LegalState.ACTIVE
        )

    def _answer(self) -> None:
        self.asked += 1
        if self.away:
            raise BaseUnavailableError

    def _holder(self, document: IdentityDocument) -> BasePerson | None:
        return next((person for person in self.people if document in person.documents), None)


def _document(value: Mapping[str, str]) -> IdentityDocument:
    return IdentityDocument.parse(value["type"], value["number"])


def _person(value: Mapping[str, Any]) -> BasePerson:
    of_age_at = value.get("of_age_at")
    return BasePerson(
        name=PersonName.parse(value["name"]),
        documents=[_document(document) for document in value["documents"]],
        state=PersonState(value["state"]),
        guardians=[_document(document) for document in value.get("guardians", [])],
        of_age_at=None if of_age_at is None else datetime.fromisoformat(of_age_at),
    )


def _company(value: Mapping[str, Any]) -> BaseCompany:
    representative = value["representative"]
    return BaseCompany(
        uscc=value["uscc"],
        name=value["name"],
        representative=NamedPerson(
            PersonName.parse(representative["name"]), _document(representative["document"])
        ),
        state=LegalState(value["state"]),
        successor=value["successor"],
    )


def _as_json(named: NamedPerson) -> dict[str, object]:
    document = {"type": named.document.type.value, "number": named.document.number}
    return {"name": named.name.text, "document": document}


def answer(bases: Bases, path: str, question: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """Answer one question of `idp.base_client`; raise `KeyError` for an unknown one."""
    return _ANSWERS[path](bases, question, at)


def _compare(bases: Bases, question: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    name = PersonName.parse(question["name"])
    said = bases.compare(_document(question["document"]), name, at=at)
    return {"state": said.state, "same_name": said.same_name, "as_of": said.as_of.isoformat()}


def _wards(bases: Bases, question: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    found = bases.wards_of(_document(question["guardian"]), at=at)
    return {"wards": [{"ward": _as_json(w.ward), "until": w.until.isoformat()} for w in found]}


def _find(bases: Bases, question: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    said = bases.find(question["uscc"], at=at)
    if said is None:
        return {"found": None}
    return {
        "found": {
            "uscc": said.uscc,
            "name": said.name,
            "state": said.state,
            "successor": said.successor,
            "representative": _as_json(said.representative),
            "as_of": said.as_of.isoformat(),
        }
    }


def _represented(bases: Bases, question: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    return {"usccs": list(bases.represented_by(_document(question["representative"]), at=at))}


_ANSWERS: Mapping[str, Callable[[Bases, Mapping[str, Any], datetime], dict[str, Any]]] = {
    "/population/compare": _compare,
    "/population/wards": _wards,
    "/legal-persons/find": _find,
    "/legal-persons/represented": _represented,
}


class _Handler(BaseHTTPRequestHandler):
    server: "BaseServer"

    def do_POST(self) -> None:
        """Answer one question."""
        length = int(self.headers.get("Content-Length", "0"))
        if length > LONGEST_QUESTION:
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        try:
            question = json.loads(self.rfile.read(length))
            said = answer(self.server.bases(), self.path, question, datetime.now(UTC))
        except BaseUnavailableError:
            self.send_error(HTTPStatus.SERVICE_UNAVAILABLE)
            return
        except Exception:  # noqa: BLE001  # whatever is wrong with a question, the base goes on
            self.send_error(HTTPStatus.BAD_REQUEST)
            return
        body = json.dumps(said).encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its signature
        """Say nothing: what is asked is personal."""


class BaseServer(ThreadingHTTPServer):
    """Answers on the loopback, out of a folder or out of given bases."""

    daemon_threads = True

    def __init__(self, port: int = 0, *, folder: Path = FOLDER, bases: Bases | None = None) -> None:
        """Listen on `port`, any free one for 0."""
        super().__init__(("127.0.0.1", port), _Handler)
        self._folder, self._given = folder, bases
        self._read: tuple[object, Bases] | None = None

    @property
    def address(self) -> str:
        """Where it is asked."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def bases(self) -> Bases:
        """Return the bases as the files are now."""
        if self._given is not None:
            return self._given
        state = [file.stat().st_mtime_ns for file in sorted(self._folder.glob("*.json"))]
        if self._read is None or self._read[0] != state:
            self._read = (state, Bases.load(self._folder))
        return self._read[1]


def main() -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    arguments = parser.parse_args()
    with BaseServer(arguments.port, folder=arguments.folder) as server:
        print(f"bases: {server.address}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
