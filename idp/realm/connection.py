"""The one road to Keycloak's admin interface: a cached client whose token is fetched once for all.

Threads that find the token over at the same moment wait for one of them to fetch the next; a token
that the server no longer knows (it was started anew) is replaced once and the call repeated.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from threading import Lock, local
from typing import Any, Protocol
from urllib.parse import quote

from keycloak import KeycloakOpenID, KeycloakOpenIDConnection
from keycloak.exceptions import KeycloakConnectionError, KeycloakError

from idp.client_authentication import PrivateKeyJwt
from idp.errors import (
    AlreadyInRealmError,
    IdentityError,
    NotInRealmError,
    ProviderUnavailableError,
    RealmRefusedError,
)
from idp.faults import ProviderFault

JsonObject = dict[str, Any]

SECONDS_FOR_AN_ANSWER = 20
"""Everything but making a realm is done in one."""
SECONDS_TO_MAKE_A_REALM = 120
"""Two on a quiet machine, forty on one that has ten things to do."""
MOST_CONNECTIONS = 16


class AdminCredentials(Protocol):
    """How the administrator or the service proves who it is."""

    @property
    def client_id(self) -> str:
        """The client that asks for the token."""
        ...

    def token_form(self) -> Mapping[str, str]:
        """Return the fields of one token request."""
        ...


class Response(Protocol):
    """An answer, as python-keycloak's HTTP library gives it."""

    @property
    def status_code(self) -> int:
        """The status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers."""
        ...

    def json(self) -> object:
        """Return the body; raise `ValueError`."""
        ...


@dataclass(frozen=True, slots=True)
class AdministratorPassword:
    """The administrator of the server, who lives in the realm `master`."""

    username: str
    password: str = field(repr=False)
    client_id: str = "admin-cli"

    def token_form(self) -> Mapping[str, str]:
        """Return the fields of one token request."""
        return {"grant_type": "password", "username": self.username, "password": self.password}


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """A client of the realm that acts in its own name (`private_key_jwt`)."""

    authentication: PrivateKeyJwt
    oidc_issuer: str
    clock: Callable[[], datetime] = field(repr=False)

    @property
    def client_id(self) -> str:
        """Its name."""
        return self.authentication.client_id

    def token_form(self) -> Mapping[str, str]:
        """Return the fields of one token request, with an assertion that is taken once."""
        form, _ = self.authentication.authenticate(
            {"grant_type": "client_credentials"}, oidc_issuer=self.oidc_issuer, at=self.clock()
        )
        return form


class AdminConnection:
    """Sends JSON to the admin interface; every failure is an `IdentityError`.

    `NotInRealmError` (404), `AlreadyInRealmError` (409), `RealmRefusedError` (any other refusal),
    `ProviderUnavailableError` (no answer, or the server's own failure).
    """

    def __init__(
        self,
        server_url: str,
        credentials: AdminCredentials,
        *,
        token_realm: str,
        seconds: int = SECONDS_FOR_AN_ANSWER,
    ) -> None:
        """Connect at the first call. `token_realm` is where the credentials are known."""
        self._client = _Client(server_url.rstrip("/") + "/", credentials, token_realm, seconds)

    def get(self, path: Sequence[str], **parameters: object) -> JsonObject:
        """Return the object that lies at `path`."""
        return _object(self._answer(path, parameters))

    def list(self, path: Sequence[str], **parameters: object) -> "Sequence[JsonObject]":
        """Return the objects that lie at `path`."""
        answer = self._answer(path, parameters)
        if not isinstance(answer, list):
            raise ProviderUnavailableError(ProviderFault.NOT_JSON)
        return answer

    def post(self, path: Sequence[str], body: object) -> str:
        """Create something; return the id that the server gave it, if it tells one."""
        response = self._call(lambda: self._client.raw_post(_address(path), data=json.dumps(body)))
        return response.headers.get("Location", "").rpartition("/")[2]

    def ask(self, path: Sequence[str], **parameters: object) -> JsonObject:
        """Return what the server makes for us, changing nothing."""
        response = self._call(
            lambda: self._client.raw_post(_address(path), data="{}", **parameters)
        )
        return _object(_json(response))

    def put(self, path: Sequence[str], body: object) -> None:
        """Replace what lies at `path`."""
        self._call(lambda: self._client.raw_put(_address(path), data=json.dumps(body)))

    def delete(self, path: Sequence[str], body: object = None) -> None:
        """Remove what lies at `path`."""
        data = None if body is None else json.dumps(body)
        self._call(lambda: self._client.raw_delete(_address(path), data=data))

    def _answer(self, path: Sequence[str], parameters: Mapping[str, object]) -> object:
        return _json(self._call(lambda: self._client.raw_get(_address(path), **parameters)))

    def _call(self, call: Callable[[], Response]) -> Response:
        try:
            response = call()
        except KeycloakConnectionError:
            raise ProviderUnavailableError(ProviderFault.UNREACHABLE) from None
        except KeycloakError:  # of the request for a token: credentials that are not taken
            raise ProviderUnavailableError(ProviderFault.ERROR_STATUS) from None
        if response.status_code < HTTPStatus.BAD_REQUEST:
            return response
        raise _refusal(response)


class _Client(KeycloakOpenIDConnection):
    """python-keycloak's client, with one token for all threads."""

    def __init__(
        self, server_url: str, credentials: AdminCredentials, token_realm: str, seconds: int
    ) -> None:
        self._credentials = credentials
        self._fetching = Lock()
        self._used = local()
        super().__init__(
            server_url=server_url,
            realm_name=token_realm,
            client_id=credentials.client_id,
            timeout=seconds,
            max_retries=0,  # a repeated POST could create twice
            pool_maxsize=MOST_CONNECTIONS,
        )
        self._tokens = KeycloakOpenID(
            server_url=server_url,
            realm_name=token_realm,
            client_id=credentials.client_id,
            timeout=seconds,
            max_retries=0,
        )

    @property
    def keycloak_openid(self) -> KeycloakOpenID:
        """What asks for tokens; the library's own would try twice and complain in the log."""
        return self._tokens

    def get_token(self) -> None:
        """Fetch a token with the credentials."""
        self.token = self.keycloak_openid.token(**dict[str, Any](self._credentials.token_form()))

    def refresh_token(self) -> None:
        """Fetch the next token, unless another thread has done so since this call began."""
        with self._fetching:
            if self.token is getattr(self._used, "token", None):
                self.get_token()

    def _refresh_if_required(self) -> None:
        # The library asks this before each call; what it finds is what the call will use.
        self._used.token = self.token
        super()._refresh_if_required()
        self._used.token = self.token


def _address(path: Sequence[str]) -> str:
    return "admin/realms" + "".join(f"/{quote(part, safe='')}" for part in path)


def _json(response: Response) -> object:
    try:
        return response.json()
    except ValueError:
        raise ProviderUnavailableError(ProviderFault.NOT_JSON) from None


def _object(answer: object) -> JsonObject:
    if not isinstance(answer, dict):
        raise ProviderUnavailableError(ProviderFault.NOT_JSON)
    return answer


def _refusal(response: Response) -> IdentityError:
    status = response.status_code
    if status == HTTPStatus.NOT_FOUND:
        return NotInRealmError()
    if status == HTTPStatus.CONFLICT:
        return AlreadyInRealmError()
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.UNAUTHORIZED:
        return ProviderUnavailableError(ProviderFault.ERROR_STATUS)
    return RealmRefusedError(_reason(response))


def _reason(response: Response) -> str:
    """Return Keycloak's code for why; its sentences can quote what was sent."""
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if isinstance(answer, dict):
        for name in ("error", "errorMessage"):
            word = answer.get(name)
            if isinstance(word, str) and word.isidentifier():
                return word
    return f"status {response.status_code}"
