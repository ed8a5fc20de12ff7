"""A realm's accounts in memory, which can be cut off in the middle of anything."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count

from idp.errors import AlreadyInRealmError, NotInRealmError, ProviderUnavailableError
from idp.faults import ProviderFault
from idp.levels import IdentityLevel
from idp.realm.records import Credential, NewUser, User

EPOCH = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass(slots=True)
class AccountsInMemory:
    """What `RealmAdmin` does, without a server."""

    users: dict[str, User] = field(default_factory=dict)
    passwords: dict[str, tuple[str, bool]] = field(default_factory=dict)
    """Password and whether it is temporary, by account."""
    kept: dict[str, dict[str, Credential]] = field(default_factory=dict)
    """Credentials besides the password."""
    bodies: list[Mapping[str, object]] = field(default_factory=list)
    """Credentials as they were sent."""
    signed_out: list[str] = field(default_factory=list)
    calls_left: int | None = None
    """After so many changes the realm is gone; None: it stays."""
    changes: int = 0
    lost_answer: bool = False
    """Whether the last change before it is gone is made, though nobody hears of it."""
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def user(self, account: str) -> User:
        try:
            return self.users[account]
        except KeyError:
            raise NotInRealmError from None

    def find_user(self, username: str) -> User | None:
        return next((user for user in self.users.values() if user.username == username), None)

    def create_user(self, user: NewUser) -> str:
        if self.find_user(user.username) is not None:
            raise AlreadyInRealmError
        account = f"account-{next(self._numbers)}"

        def make() -> None:
            self.users[account] = User(
                account=account,
                username=user.username,
                full_name=user.full_name,
                document_type=user.document_type,
                document_number=user.document_number,
                identity_level=user.identity_level,
                enabled=user.enabled,
                required_actions=(),
                created_at=EPOCH,
            )
            self.kept[account] = {}

        self._change(make)
        return account

    def set_enabled(self, account: str, *, enabled: bool) -> None:
        user = self.user(account)

        def make() -> None:
            self.users[account] = replace(user, enabled=enabled)

        self._change(make)

    def change_user(self, account: str, **attributes: str) -> None:
        user, level = self.user(account), IdentityLevel.parse(attributes["identityLevel"])

        def make() -> None:
            self.users[account] = replace(user, identity_level=level)

        self._change(make)

    def set_password(self, account: str, password: str, *, temporary: bool) -> None:
        self.user(account)

        def make() -> None:
            self.passwords[account] = (password, temporary)

        self._change(make)

    def sign_out(self, account: str) -> None:
        self.user(account)
        self._change(lambda: self.signed_out.append(account))

    def credentials(self, account: str) -> tuple[Credential, ...]:
        self.user(account)
        password = Credential("password", "password", "", EPOCH)
        first = [password] if account in self.passwords else []
        return (*first, *self.kept[account].values())

    def add_credential(self, account: str, credential: Mapping[str, object]) -> None:
        self.user(account)
        label = str(credential["userLabel"])
        if any(held.label == label for held in self.kept[account].values()):
            raise AlreadyInRealmError
        made = Credential(f"c-{next(self._numbers)}", str(credential["type"]), label, EPOCH)

        def make() -> None:
            self.kept[account][made.id] = made
            self.bodies.append(credential)

        self._change(make)

    def remove_credential(self, account: str, credential_id: str) -> None:
        self.user(account)

        def make() -> None:
            if credential_id == "password":
                del self.passwords[account]
            else:
                del self.kept[account][credential_id]

        self._change(make)

    def hold(self, account: str, kind: str, label: str = "old") -> str:
        """Give the account a credential it has had for long; return its id."""
        held = Credential(f"c-{next(self._numbers)}", kind, label, EPOCH)
        self.kept[account][held.id] = held
        return held.id

    def kinds(self, account: str) -> list[str]:
        """Return the kinds of credentials besides the password."""
        return sorted(held.type for held in self.kept[account].values())

    def _change(self, make: Callable[[], None]) -> None:
        if self.calls_left == 0:
            raise ProviderUnavailableError(ProviderFault.UNREACHABLE)
        self.changes += 1
        if self.calls_left is not None:
            self.calls_left -= 1
            if self.calls_left == 0 and self.lost_answer:
                make()
                raise ProviderUnavailableError(ProviderFault.TOO_SLOW)
        make()
