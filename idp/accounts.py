"""What counter and personnel lists need of the realm (`idp.realm.admin.RealmAdmin` is one)."""

import re
from collections.abc import Mapping
from typing import Protocol

from idp.realm.records import Credential, NewUser, User

USERNAME = re.compile(r"(?=.{3,64}\Z)[a-z][a-z0-9]*(?:[._-][a-z0-9]+)*")
"""As the realm keeps them: lower case, at least three characters."""


class Accounts(Protocol):
    """Accounts, passwords and second factors.

    Every method may raise `ProviderUnavailableError`, and `NotInRealmError` for an account that is
    not there.
    """

    def user(self, account: str) -> User:
        """Return the account."""
        ...

    def find_user(self, username: str) -> User | None:
        """Return the account with this name, if there is one."""
        ...

    def create_user(self, user: NewUser) -> str:
        """Make the account and return it; raise `AlreadyInRealmError` for a name that is taken."""
        ...

    def set_enabled(self, account: str, *, enabled: bool) -> None:
        """Open or shut the account."""
        ...

    def set_password(self, account: str, password: str, *, temporary: bool) -> None:
        """Set the password; a temporary one has to be replaced at the next sign-in."""
        ...

    def sign_out(self, account: str) -> None:
        """End all sessions of the account; every service is told."""
        ...

    def credentials(self, account: str) -> tuple[Credential, ...]:
        """Return what the account signs in with."""
        ...

    def add_credential(self, account: str, credential: Mapping[str, object]) -> None:
        """Put a credential in; raise `AlreadyInRealmError` for a label that is taken."""
        ...

    def remove_credential(self, account: str, credential_id: str) -> None:
        """Take a credential away."""
        ...
