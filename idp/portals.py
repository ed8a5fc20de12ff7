"""Portals: services of departments that people enter with the one sign-in.

A portal is one YAML file: who it is, where it is, what it asks of people and what it is told of
them, which is nothing but a number of its own unless the file grants more. It becomes a client of
the realm with exact addresses and a `sub` that no other portal knows.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from idp.errors import InvalidPortalError
from idp.levels import AuthenticationLevel, IdentityLevel
from idp.portal_faults import PortalFault, PortalFaultKind
from idp.realm.client_scopes import ACTING, BASIC, FULL_NAME, IDENTITY_DOCUMENT, IDENTITY_LEVEL
from idp.realm.clients import JsonWebKeys, RelyingPartyClient
from idp.strict_yaml import MalformedYamlError, read_yaml

CALLBACK = "/login/callback"
AFTER_LOGOUT = ("/logout/done", "/login/again", "/")
"""Where the provider may send somebody who left: the same paths in every portal."""
LEAST_CONTRAST = 4.5
"""Of the colours against white (WCAG 2.2, 1.4.3)."""
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_RESERVED = ("platform", "account", "admin-", "broker", "realm-", "security-", "system-")
"""Beginnings of the names of our own clients, of Keycloak's, and of departments' systems."""

# pydantic's word, and the part of its context that says more
_KINDS = {
    **{kind.value: (kind, "detail") for kind in PortalFaultKind},
    "missing": (PortalFaultKind.REQUIRED, ""),
    "extra_forbidden": (PortalFaultKind.UNKNOWN_KEY, ""),
    "string_type": (PortalFaultKind.NOT_TEXT, ""),
    "tuple_type": (PortalFaultKind.NOT_A_LIST, ""),
    "model_type": (PortalFaultKind.NOT_A_GROUP, ""),
    "string_too_short": (PortalFaultKind.TOO_SHORT, "min_length"),
    "string_too_long": (PortalFaultKind.TOO_LONG, "max_length"),
    "too_long": (PortalFaultKind.TOO_MANY, "max_length"),
    "string_pattern_mismatch": (PortalFaultKind.PATTERN, "pattern"),
    "literal_error": (PortalFaultKind.NOT_ONE_OF, "expected"),
}


ModelT = TypeVar("ModelT", bound=BaseModel)


class PortalClaim(StrEnum):
    """What a portal may be told of a person, besides how surely he signed in."""

    NAME = "name"
    DOCUMENT = "document"
    """Type and number: needs a legal basis."""
    IDENTITY_LEVEL = "identity_level"
    ACTING = "acting"
    """For whom he acts; the portal asks for it with its access token."""


_SCOPES = {
    PortalClaim.NAME: FULL_NAME,
    PortalClaim.DOCUMENT: IDENTITY_DOCUMENT,
    PortalClaim.IDENTITY_LEVEL: IDENTITY_LEVEL,
    PortalClaim.ACTING: ACTING,
}


def _fault(kind: PortalFaultKind, detail: object = "") -> PydanticCustomError:
    return PydanticCustomError(kind.value, "{detail}", {"detail": str(detail)})


def _authentication_level(value: object) -> object:
    for level in AuthenticationLevel:
        if type(value) is int and value == level:
            return level
    raise _fault(PortalFaultKind.NOT_ONE_OF, "1, 2, 3")


def _claim(value: object) -> object:
    for claim in PortalClaim:
        if value == claim.value:
            return claim
    raise _fault(PortalFaultKind.NOT_ONE_OF, ", ".join(PortalClaim))


def _identity_level(value: object) -> object:
    try:
        return IdentityLevel.parse(value)
    except ValueError:
        levels = ", ".join(level.claim for level in IdentityLevel)
        raise _fault(PortalFaultKind.NOT_ONE_OF, levels) from None


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _as_origin(value: str) -> str:
    address = _plain_address(value)
    if address.path or value != f"{address.scheme}://{address.netloc}":
        raise _fault(PortalFaultKind.NOT_AN_ORIGIN)
    return value


def _as_backchannel(value: str) -> str:
    address = _plain_address(value)
    if (address.hostname or "").endswith(".localhost"):
        raise _fault(PortalFaultKind.LOCALHOST)
    if not address.path.startswith("/"):
        raise _fault(PortalFaultKind.NO_PATH)
    return value


def _plain_address(value: str) -> Any:  # noqa: ANN401  # SplitResult, which has no public type here
    address = urlsplit(value)
    host = address.hostname or ""
    local = host in _LOOPBACK or host.endswith(".localhost") or host == "::1"
    if address.scheme != "https" and not (address.scheme == "http" and local):
        raise _fault(PortalFaultKind.NOT_ENCRYPTED)
    named = re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|::1", host)
    if named is None or "@" in address.netloc or address.netloc != address.netloc.lower():
        raise _fault(PortalFaultKind.HOST_NAME)
    if address.query or address.fragment or address.port == 0:
        raise _fault(PortalFaultKind.NOT_PLAIN)
    return address


def _as_colour(value: str) -> str:
    if _contrast_with_white(value) < LEAST_CONTRAST:
        raise _fault(PortalFaultKind.CONTRAST, LEAST_CONTRAST)
    return value


def _contrast_with_white(colour: str) -> float:
    def linear(channel: float) -> float:
        return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4  # noqa: PLR2004  # WCAG's

    red, green, blue = (linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


Title = Annotated[
    str, StringConstraints(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f<>&]+$")
]
Colour = Annotated[str, StringConstraints(pattern=r"^#[0-9a-f]{6}$"), AfterValidator(_as_colour)]
Origin = Annotated[str, StringConstraints(max_length=200), AfterValidator(_as_origin)]
Backchannel = Annotated[str, StringConstraints(max_length=300), AfterValidator(_as_backchannel)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Titles(_Strict):
    """A name in both languages."""

    zh: Title
    en: Title

    def in_language(self, language: str) -> str:
        """Return the name for a page in `language`."""
        return self.en if language == "en" else self.zh


class Colours(_Strict):
    """A department's own look; white text stands on both."""

    band: Colour
    accent: Colour


class Matter(_Strict):
    """Something to be done in the portal, and what it asks of people beyond entering."""

    code: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,40}$")]
    names: Titles
    authentication: Annotated[AuthenticationLevel, BeforeValidator(_authentication_level)]
    identity: Annotated[IdentityLevel, BeforeValidator(_identity_level)]


class PublicKey(_Strict):
    """A key by which the portal proves who it is (ES256)."""

    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{43}$")]
    y: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{43}$")]
    kid: Annotated[str, StringConstraints(min_length=1, max_length=100)]


class Portal(_Strict):
    """A portal as its file describes it."""

    client: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{2,40}$")]
    """The client id."""
    names: Titles
    department: Titles
    home: Origin
    """What browsers see: scheme, host and port."""
    backchannel_logout: Backchannel
    """Where logout tokens are passed on to."""
    authentication: Annotated[AuthenticationLevel, BeforeValidator(_authentication_level)] = (
        AuthenticationLevel.PASSWORD
    )
    identity: Annotated[IdentityLevel, BeforeValidator(_identity_level)] = IdentityLevel.REGISTERED
    claims: Annotated[
        tuple[Annotated[PortalClaim, BeforeValidator(_claim)], ...],
        BeforeValidator(_as_tuple),
    ] = ()
    """What it is told; nothing unless it stands here."""
    legal_basis: Annotated[Title | None, Field(validate_default=True)] = None
    """Why it may know document numbers."""
    protocol: Literal["openid_connect"] = "openid_connect"
    colours: Colours
    matters: Annotated[
        tuple[Matter, ...],
        BeforeValidator(_as_tuple),
    ] = ()
    public_keys: Annotated[
        tuple[PublicKey, ...],
        BeforeValidator(_as_tuple),
    ] = Field(default=(), max_length=3)
    """Without one, a pair is made when the portal is applied."""

    @field_validator("client")
    @classmethod
    def _is_not_reserved(cls, client: str) -> str:
        if client.startswith(_RESERVED):
            raise _fault(PortalFaultKind.RESERVED)
        return client

    @field_validator("claims", "matters")
    @classmethod
    def _says_nothing_twice(cls, value: tuple[object, ...]) -> tuple[object, ...]:
        names = [getattr(entry, "code", entry) for entry in value]
        if len(set(names)) != len(names):
            raise _fault(PortalFaultKind.TWICE)
        return value

    @field_validator("legal_basis", mode="after")
    @classmethod
    def _has_a_basis(cls, legal_basis: str | None, info: ValidationInfo) -> str | None:
        if legal_basis is None and PortalClaim.DOCUMENT in info.data.get("claims", ()):
            raise _fault(PortalFaultKind.NO_LEGAL_BASIS)
        return legal_basis

    @property
    def redirect_uri(self) -> str:
        """Where sign-ins come back to."""
        return f"{self.home}{CALLBACK}"

    def matter(self, code: str) -> Matter | None:
        """Return the matter with this code, if there is one."""
        return next((matter for matter in self.matters if matter.code == code), None)

    def as_client(
        self, *, salt: str, keys: JsonWebKeys, platform_origin: str
    ) -> Mapping[str, object]:
        """Return it in Keycloak's words.

        Logout tokens go to the platform, which passes them on until they are taken; `salt` makes
        the portal's `sub` its own. Raise `ValueError` for an empty one.
        """
        entry = self.authentication
        return RelyingPartyClient(
            client_id=self.client,
            title=self.names.zh,
            redirect_uris=(self.redirect_uri,),
            keys=keys,
            backchannel_logout=f"{platform_origin}/logout/backchannel/{self.client}",
            after_logout=tuple(f"{self.home}{path}" for path in AFTER_LOGOUT),
            scopes=(*BASIC, *(_SCOPES[claim] for claim in self.granted)),
            least_level=entry if entry > AuthenticationLevel.PASSWORD else None,
            pairwise_salt=salt,
        ).representation()

    @property
    def granted(self) -> tuple[PortalClaim, ...]:
        """The claims it gets: those of the file, and the level where it asks for one."""
        asked = (self.identity, *(matter.identity for matter in self.matters))
        known = set(self.claims)
        if max(asked) > IdentityLevel.REGISTERED:
            known.add(PortalClaim.IDENTITY_LEVEL)
        return tuple(claim for claim in PortalClaim if claim in known)

    @property
    def told(self) -> tuple[str, ...]:
        """What it is told of a person, as words of the catalogue (`claim.…`)."""
        return ("pseudonym", *self.granted, "level")


def read_portal(unverified_yaml: bytes) -> Portal:
    """Return the portal that a file describes; raise `InvalidPortalError` with all its faults."""
    return read_strictly(Portal, unverified_yaml)


def read_strictly(model: type[ModelT], unverified_yaml: bytes) -> ModelT:
    """Return what a file says in the form of `model`; raise `InvalidPortalError`."""
    try:
        return model.model_validate(read_yaml(unverified_yaml))
    except MalformedYamlError as error:
        raise InvalidPortalError(
            [PortalFault("/", PortalFaultKind.NOT_YAML, str(error.place))]
        ) from None
    except ValidationError as error:
        raise InvalidPortalError(sorted(_faults(error))) from None


def _faults(error: ValidationError) -> Iterator[PortalFault]:
    # no value of the file goes along
    for found in error.errors(include_input=False, include_url=False):
        kind, more = _KINDS.get(found["type"], (PortalFaultKind.MALFORMED, ""))
        place = "/" + "/".join(str(part) for part in found["loc"])
        yield PortalFault(place, kind, str(found.get("ctx", {}).get(more, "")))


@dataclass(slots=True)
class Portals:
    """The portals that were applied: one file each in a folder, read again when that changes."""

    folder: Path
    _read_at: int = field(default=-1, init=False)
    _portals: Mapping[str, Portal] = field(default_factory=dict, init=False)

    def __iter__(self) -> Iterator[Portal]:
        """Give the portals by their client ids."""
        portals = self._current()
        return iter([portals[client_id] for client_id in sorted(portals)])

    def find(self, client_id: str) -> Portal | None:
        """Return the portal of a client, None for any other client."""
        return self._current().get(client_id)

    def logout_address(self, client_id: str) -> str | None:
        """Return where a portal takes logout tokens; None for any other client."""
        portal = self.find(client_id)
        return None if portal is None else portal.backchannel_logout

    def homes(self) -> frozenset[str]:
        """Return the origins of all portals: where a page of ours may lead back to."""
        return frozenset(portal.home for portal in self)

    def _current(self) -> Mapping[str, Portal]:
        # A file is replaced as a whole, which changes the folder.
        try:
            changed_at = self.folder.stat().st_mtime_ns
        except FileNotFoundError:
            return {}
        if changed_at != self._read_at:
            files = sorted(self.folder.glob("*.yaml"))
            self._portals = _by_client(read_portal(path.read_bytes()) for path in files)
            self._read_at = changed_at
        return self._portals


def _by_client(portals: Iterable[Portal]) -> Mapping[str, Portal]:
    return {portal.client: portal for portal in portals}
