"""The two bases over HTTP: questions as JSON in the body, never in the address, answers as types.

Everything that is not an answer in the agreed form is `BaseUnavailableError`: no connection, a
delay, a status other than 200, a body too large or of another shape. After a failure the base is
left alone for some seconds, so that nobody waits for it again and again.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import httpx

from idp.documents import IdentityDocument, InvalidDocumentError
from idp.errors import BaseUnavailableError
from idp.json_objects import read_object
from idp.names import InvalidNameError, NamedPerson, PersonName
from idp.sources import Guardianship, LegalPersonAnswer, LegalState, PersonAnswer, PersonState

SECONDS_TO_ANSWER = 3.0
"""People wait for it while a page is made."""
LARGEST_ANSWER = 256 * 1024
"""Octets: some hundreds of companies of one representative."""
LEFT_ALONE = timedelta(seconds=5)


class HttpBases:
    """Both bases at one address. Threads may share it."""

    def __init__(self, address: str, *, http: httpx.Client | None = None) -> None:
        """Ask at `address`; no redirect is followed, no proxy of the environment is used."""
        self._address = address.rstrip("/")
        self._http = http or httpx.Client(
            timeout=SECONDS_TO_ANSWER, follow_redirects=False, trust_env=False
        )
        self._lock = threading.Lock()
        self._failed_at: datetime | None = None

    def close(self) -> None:
        """Give back all connections."""
        self._http.close()

    def compare(
        self, document: IdentityDocument, name: PersonName, *, at: datetime
    ) -> PersonAnswer:
        """Return what the population base says."""
        question = {"document": _as_json(document), "name": name.text}
        answer = self._ask("/population/compare", question, at)
        with _reading():
            return PersonAnswer(
                PersonState(answer["state"]), answer["same_name"] is True, _moment(answer["as_of"])
            )

    def wards_of(self, guardian: IdentityDocument, *, at: datetime) -> tuple[Guardianship, ...]:
        """Return the minors this person stands for now."""
        answer = self._ask("/population/wards", {"guardian": _as_json(guardian)}, at)
        with _reading():
            return tuple(
                Guardianship(_person(ward["ward"]), guardian, _moment(ward["until"]))
                for ward in answer["wards"]
            )

    def find(self, uscc: str, *, at: datetime) -> LegalPersonAnswer | None:
        """Return what the base of legal persons has under this code."""
        answer = self._ask("/legal-persons/find", {"uscc": uscc}, at)
        with _reading():
            found = answer["found"]
            if found is None:
                return None
            if found["uscc"] != uscc:
                raise ValueError("another code")
            return LegalPersonAnswer(
                uscc=uscc,
                name=str(found["name"]),
                state=LegalState(found["state"]),
                successor=found["successor"],
                representative=_person(found["representative"]),
                as_of=_moment(found["as_of"]),
            )

    def represented_by(self, document: IdentityDocument, *, at: datetime) -> tuple[str, ...]:
        """Return the codes of those that this person represents by law."""
        question = {"representative": _as_json(document)}
        answer = self._ask("/legal-persons/represented", question, at)
        with _reading():
            return tuple(str(uscc) for uscc in answer["usccs"])

    def _ask(self, path: str, question: Mapping[str, object], at: datetime) -> Mapping[str, Any]:
        with self._lock:
            failed_at = self._failed_at
        if failed_at is not None and timedelta() <= at - failed_at < LEFT_ALONE:
            raise BaseUnavailableError
        try:
            answer = self._fetch(path, question)
        except (httpx.HTTPError, ValueError):
            with self._lock:
                self._failed_at = at
            # Not chained: the error may quote what was asked.
            raise BaseUnavailableError from None
        with self._lock:
            self._failed_at = None
        return answer

    def _fetch(self, path: str, question: Mapping[str, object]) -> Mapping[str, Any]:
        with self._http.stream("POST", f"{self._address}{path}", json=question) as answer:
            if answer.status_code != httpx.codes.OK:
                raise ValueError("status")
            body = b""
            for part in answer.iter_bytes():
                body += part
                if len(body) > LARGEST_ANSWER:
                    raise ValueError("too large")
        return read_object(body)


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, ValueError, InvalidDocumentError, InvalidNameError):
        raise BaseUnavailableError from None


def _as_json(document: IdentityDocument) -> dict[str, str]:
    return {"type": document.type.value, "number": document.number}


def _person(answer: Mapping[str, Any]) -> NamedPerson:
    document = answer["document"]
    return NamedPerson(
        PersonName.parse(answer["name"]),
        IdentityDocument.parse(document["type"], document["number"]),
    )


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone")
    return moment
