"""One OpenID provider: its metadata and keys, kept and renewed; requests to its endpoints.

Every address must have the issuer's own origin (scheme, host, port): what an answer names is never
fetched from elsewhere. Metadata and keys are fetched by one thread at a time; while they can be
had from the last time, nobody waits for it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from urllib.parse import SplitResult, urlencode, urlsplit

from idp.errors import InvalidTokenError, LoginError, ProviderUnavailableError
from idp.faults import LoginReason, ProviderFault, TokenFault
from idp.fetching import Answer, Fetcher
from idp.json_objects import MalformedJsonError, read_object
from idp.kept import Kept, KeptLimits
from idp.provider_keys import PublishedKeys, SigningKey, read_keys

METADATA_LIMITS = KeptLimits(
    fresh=timedelta(hours=1), usable=timedelta(hours=24), pause=timedelta(seconds=2)
)
"""Addresses change with releases of the provider, if ever."""
KEYS_LIMITS = KeptLimits(
    fresh=timedelta(minutes=5), usable=timedelta(hours=1), pause=timedelta(seconds=2)
)
"""A key that was withdrawn is not believed for longer than `fresh`, or `usable` while the provider
is down; tokens live for minutes and nobody gets new ones then."""
UNKNOWN_KEY_PAUSE = timedelta(seconds=10)
"""An unknown key id makes us fetch the keys this often at most: anybody can invent one."""

LONGEST_METADATA = 65_536
"""Keycloak's has 7,000 octets."""
LONGEST_KEYS = 131_072
"""Keycloak's have 3,000 octets, certificates included."""
LONGEST_ANSWER = 262_144
"""Three tokens; those of somebody with a hundred organisations have some 40,000 octets."""

_JSON = frozenset({"application/json"})
_JSON_KEYS = frozenset({"application/json", "application/jwk-set+json"})
_ERROR_WORD = re.compile(r"[a-z_]{1,64}")
_ADDRESS = re.compile(r"[!-~]{1,2048}")
_OK = 200
_CREATED = 201
_REFUSALS = frozenset({400, 401, 403})
"""Where an OAuth error may stand (RFC 6749 §5.2); Keycloak mostly answers 400."""


class Endpoint(StrEnum):
    """Where we post to; the value is the member of the metadata."""

    TOKEN = "token_endpoint"  # noqa: S105  # a word, no password
    PAR = "pushed_authorization_request_endpoint"


@dataclass(frozen=True, slots=True)
class ProviderMetadata:
    """What the provider says of itself (RFC 8414, OpenID Connect Discovery), checked."""

    oidc_issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    pushed_authorization_request_endpoint: str | None
    end_session_endpoint: str | None
    names_itself: bool
    """Its answers at the redirect address bear `iss` (RFC 9207): one without is refused."""

    def address_of(self, endpoint: Endpoint) -> str:
        """Return the address; raise `ProviderUnavailableError` when there is none."""
        address = {
            Endpoint.TOKEN: self.token_endpoint,
            Endpoint.PAR: self.pushed_authorization_request_endpoint,
        }[endpoint]
        if address is None:
            raise ProviderUnavailableError(ProviderFault.MISSING_ENDPOINT)
        return address


class ClientAuthenticator(Protocol):
    """Adds to a request what proves that we are the client."""

    def authenticate(
        self, form: Mapping[str, str], *, oidc_issuer: str, at: datetime
    ) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """Return the form and the headers to send."""
        ...


class Provider:
    """An OpenID provider; any thread may use it."""

    def __init__(
        self,
        oidc_issuer: str,
        *,
        fetcher: Fetcher | None = None,
        backchannel_origin: str | None = None,
    ) -> None:
        """Know the provider by its issuer, octet for octet as its tokens state it.

        With `backchannel_origin` ("http://127.0.0.1:8180") our own requests go there, on the same
        paths. Nothing is fetched yet. Raise `ValueError` for an issuer that is no plain address.
        """
        address = urlsplit(oidc_issuer)
        if not _is_plain(address) or address.query or not _ADDRESS.fullmatch(oidc_issuer):
            raise ValueError("an issuer is an http(s) address without query and fragment")
        self.oidc_issuer = oidc_issuer
        self._origin = _origin(address)
        self._backchannel_origin = backchannel_origin or self._origin
        self._fetcher = fetcher or Fetcher()
        self._metadata: Kept[ProviderMetadata] = Kept(METADATA_LIMITS)
        self._keys: Kept[PublishedKeys] = Kept(KEYS_LIMITS)

    def close(self) -> None:
        """Close its connections."""
        self._fetcher.close()

    def metadata(self, *, at: datetime) -> ProviderMetadata:
        """Return what the provider says of itself; raise `ProviderUnavailableError`."""
        return self._metadata.get(self._fetch_metadata, at=at)

    def key(self, kid: str, alg: str, *, at: datetime) -> SigningKey:
        """Return the key with this id, when it is one for `alg`.

        Raise `InvalidTokenError`, or `ProviderUnavailableError` when the keys cannot be had.
        """
        found = self._keys.get(lambda: self._fetch_keys(at), at=at).get(kid)
        if found is None:
            keys = self._keys.renew(lambda: self._fetch_keys(at), at=at, pause=UNKNOWN_KEY_PAUSE)
            found = keys.get(kid, TokenFault.UNKNOWN_KEY)
        if isinstance(found, TokenFault):
            raise InvalidTokenError(found)
        return found.key_for(alg)

    def post(
        self,
        endpoint: Endpoint,
        form: Mapping[str, str],
        *,
        client: ClientAuthenticator,
        at: datetime,
    ) -> Mapping[str, object]:
        """Return the object that an endpoint answers to `form`, sent as `client`.

        Raise `ProviderUnavailableError`; raise `LoginError` with the provider's word for it when it
        refuses (RFC 6749 §5.2).
        """
        address = self.metadata(at=at).address_of(endpoint)
        full_form, headers = client.authenticate(form, oidc_issuer=self.oidc_issuer, at=at)
        answer = self._fetcher.post(
            self._backchannel(address),
            {"Content-Type": "application/x-www-form-urlencoded", **headers},
            urlencode(full_form).encode(),
            longest=LONGEST_ANSWER,
        )
        if answer.status in _REFUSALS:
            raise _refusal(_object_of(answer, _JSON))
        if answer.status not in {_OK, _CREATED}:
            raise ProviderUnavailableError(ProviderFault.ERROR_STATUS)
        return _object_of(answer, _JSON)

    def _backchannel(self, address: str) -> str:
        return self._backchannel_origin + address.removeprefix(self._origin)

    def _get(self, address: str, media_types: frozenset[str], longest: int) -> dict[str, object]:
        answer = self._fetcher.get(self._backchannel(address), longest=longest)
        if answer.status != _OK:
            raise ProviderUnavailableError(ProviderFault.ERROR_STATUS)
        return _object_of(answer, media_types)

    def _fetch_metadata(self) -> ProviderMetadata:
        # A slash at the end of the issuer is dropped here and nowhere else (Discovery §4.1).
        address = f"{self.oidc_issuer.removesuffix('/')}/.well-known/openid-configuration"
        unverified = self._get(address, _JSON, LONGEST_METADATA)
        if unverified.get("issuer") != self.oidc_issuer:
            raise ProviderUnavailableError(ProviderFault.WRONG_ISSUER)
        methods = unverified.get("code_challenge_methods_supported")
        if not isinstance(methods, list) or "S256" not in methods:
            raise ProviderUnavailableError(ProviderFault.NO_PKCE)
        return ProviderMetadata(
            oidc_issuer=self.oidc_issuer,
            authorization_endpoint=self._endpoint(unverified, "authorization_endpoint"),
            token_endpoint=self._endpoint(unverified, "token_endpoint"),
            jwks_uri=self._endpoint(unverified, "jwks_uri"),
            pushed_authorization_request_endpoint=self._optional_endpoint(
                unverified, "pushed_authorization_request_endpoint"
            ),
            end_session_endpoint=self._optional_endpoint(unverified, "end_session_endpoint"),
            names_itself=unverified.get("authorization_response_iss_parameter_supported") is True,
        )

    def _optional_endpoint(self, unverified: Mapping[str, object], member: str) -> str | None:
        return self._endpoint(unverified, member) if member in unverified else None

    def _endpoint(self, unverified: Mapping[str, object], member: str) -> str:
        if member not in unverified:
            raise ProviderUnavailableError(ProviderFault.MISSING_ENDPOINT)
        address = unverified[member]
        if not isinstance(address, str) or not _ADDRESS.fullmatch(address):
            raise ProviderUnavailableError(ProviderFault.MALFORMED_METADATA)
        # The slash: "http://issuer.example" begins "http://issuer.example.org" too.
        if not address.startswith(f"{self._origin}/") or "#" in address or "\\" in address:
            raise ProviderUnavailableError(ProviderFault.FOREIGN_ENDPOINT)
        return address

    def _fetch_keys(self, at: datetime) -> PublishedKeys:
        return read_keys(self._get(self.metadata(at=at).jwks_uri, _JSON_KEYS, LONGEST_KEYS))


def _is_plain(address: SplitResult) -> bool:
    return bool(
        address.scheme in {"http", "https"}
        and address.hostname
        and "@" not in address.netloc
        and not address.fragment
    )


def _origin(address: SplitResult) -> str:
    return f"{address.scheme}://{address.netloc}"


def _object_of(answer: Answer, media_types: frozenset[str]) -> dict[str, object]:
    if answer.media_type not in media_types:
        raise ProviderUnavailableError(ProviderFault.WRONG_CONTENT_TYPE)
    try:
        return read_object(answer.unverified_octets)
    except MalformedJsonError:
        raise ProviderUnavailableError(ProviderFault.NOT_JSON) from None


_REFUSAL_REASONS = {
    "invalid_grant": LoginReason.CODE_REFUSED,
    "invalid_client": LoginReason.CLIENT_REFUSED,
    "unauthorized_client": LoginReason.CLIENT_REFUSED,
    "invalid_scope": LoginReason.INVALID_SCOPE,
}


def _refusal(unverified_answer: Mapping[str, object]) -> LoginError | ProviderUnavailableError:
    word = unverified_answer.get("error")
    if not isinstance(word, str) or not _ERROR_WORD.fullmatch(word):
        return ProviderUnavailableError(ProviderFault.MALFORMED_ANSWER)
    if word in {"server_error", "temporarily_unavailable"}:
        return ProviderUnavailableError(ProviderFault.OUT_OF_ORDER)
    return LoginError(_REFUSAL_REASONS.get(word, LoginReason.PROVIDER_REFUSED), error=word)
