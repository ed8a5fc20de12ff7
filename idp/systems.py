"""Departments' own systems: programs that issue and read certificates with nobody signed in.

A system is one YAML file, as strict as a portal's. It becomes a confidential client that gets
access tokens for itself and nothing else: nobody can sign in to it. It speaks for one authority,
which stands in the file and, said by the identity server, in every access token.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)
from pydantic_core import PydanticCustomError

from idp.documents import DocumentType, IdentityDocument
from idp.errors import IdentityError, InvalidPortalError, InvalidSystemError
from idp.portal_faults import PortalFaultKind
from idp.portals import PublicKey, Titles, read_strictly
from idp.realm.client_scopes import CERTIFICATES_ISSUE, CERTIFICATES_READ
from idp.realm.clients import JsonWebKeys, machine_client

SYSTEMS = "systems"
"""The folder of the data folder that holds the files of those that were applied."""
_CLIENT = r"^system-[a-z0-9-]{1,40}$"
"""No portal's name begins so, and none of our own clients' or Keycloak's."""


class Permission(StrEnum):
    """What a system may do with the certificates of its authority: a scope of its tokens."""

    ISSUE = CERTIFICATES_ISSUE
    """Under the seal keeper's authorisation, for types without a second officer."""
    READ = CERTIFICATES_READ


def _fault(kind: PortalFaultKind, detail: str = "") -> PydanticCustomError:
    return PydanticCustomError(kind.value, "{detail}", {"detail": detail})


def _permission(value: object) -> object:
    for permission in Permission:
        if value == permission.value:
            return permission
    raise _fault(PortalFaultKind.NOT_ONE_OF, ", ".join(Permission))


def _as_permissions(value: tuple[Permission, ...]) -> tuple[Permission, ...]:
    if len(set(value)) != len(value):
        raise _fault(PortalFaultKind.TWICE)
    return value


def _as_authority(value: str) -> str:
    try:
        code = DocumentType.UNIFIED_SOCIAL_CREDIT_CODE.value
        plain = IdentityDocument.parse(code, value).number == value
    except IdentityError:
        plain = False
    if not plain:
        raise _fault(PortalFaultKind.MALFORMED)
    return value


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


class System(BaseModel):
    """A system as its file describes it."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    kind: Literal["system"]
    client: Annotated[str, StringConstraints(pattern=_CLIENT)]
    """The client id."""
    names: Titles
    authority: Annotated[str, AfterValidator(_as_authority)]
    """The unified social credit code of the authority it speaks for."""
    may: Annotated[
        tuple[Annotated[Permission, BeforeValidator(_permission)], ...],
        BeforeValidator(_as_tuple),
        AfterValidator(_as_permissions),
        Field(min_length=1),
    ]
    public_keys: Annotated[tuple[PublicKey, ...], BeforeValidator(_as_tuple)] = Field(
        default=(), max_length=3
    )
    """Without one, a pair is made when the system is applied."""

    @property
    def account(self) -> str:
        """What stands where an officer's account would: opaque, and no account's id."""
        return f"client:{self.client}"

    def as_client(self, *, keys: JsonWebKeys) -> Mapping[str, object]:
        """Return it in Keycloak's words."""
        return machine_client(
            self.client,
            self.names.zh,
            keys,
            scopes=[permission.value for permission in Permission if permission in self.may],
            authority=self.authority,
        )


def read_system(unverified_yaml: bytes) -> System:
    """Return the system that a file describes; raise `InvalidSystemError` with all its faults."""
    try:
        return read_strictly(System, unverified_yaml)
    except InvalidPortalError as error:
        raise InvalidSystemError(error.faults) from None


@dataclass(frozen=True, slots=True)
class Systems:
    """The systems that were applied: one file each, read at every call, so that removing it counts.

    The folder holds what `read_system` accepted.
    """

    folder: Path

    def find(self, client_id: str) -> System | None:
        """Return the system of a client, None for any other client."""
        if not re.fullmatch(_CLIENT, client_id):
            return None
        try:
            content = (self.folder / f"{client_id}.yaml").read_bytes()
        except FileNotFoundError:
            return None
        system = read_system(content)
        return system if system.client == client_id else None


def same_client_twice(systems: Sequence[System]) -> bool:
    """Whether two files describe one client."""
    return len({system.client for system in systems}) != len(systems)
