"""What ends which sessions: everything that Keycloak itself tells nobody."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from simulators.away import Realm
from simulators.officers import Staff, document, held, open_staff, sqlite_address
from simulators.sign_ins import signed_in

from certs.database import Transactions, open_engine
from hsm.databases import upgrade
from idp.appointments import OfficerRecord
from idp.errors import ProviderUnavailableError, RealmRefusedError
from idp.history import History, Means
from idp.officers import Officers, Post, PostHeld
from idp.personal_data import PersonalData
from idp.realm.records import Credential
from idp.sessions import Sessions
from idp.watch import Watch
from signing.envelope import DataKey, IndexKey

AT = datetime(2026, 11, 24, 4, tzinfo=UTC)


def later(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


@dataclass
class Scene:
    """A platform with sessions, and a realm that has changed."""

    realm: Realm
    sessions: Sessions
    watch: Watch
    history: History
    staff: Staff

    def sign_in(self, account: str, session_id: str, at: datetime = AT) -> None:
        """Let somebody sign in to the platform and a portal."""
        self.sessions.open(signed_in(at, account=account, session_id=session_id), at=at)
        self.realm.session(account, session_id, "platform", "portal", started_at=at)

    def look(self, at: datetime) -> set[str]:
        """Return what is open here after a look at `at`."""
        self.watch.follow_changes(self.realm, at=at)
        self.watch.follow_people(self.realm, at=at)
        return {str(session.session_id) for session in self.sessions.all(at=at)}


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    engine = open_engine(sqlite_address(tmp_path))
    upgrade(engine, "identity")
    transactions = Transactions(engine)
    personal_data = PersonalData(DataKey.generate("data"), IndexKey.generate("index"))
    sessions = Sessions(transactions, personal_data, "platform")
    history = History(transactions, lambda _: ("full_name",))
    watch = Watch(transactions, sessions, history, Officers(transactions, personal_data))
    staff = open_staff(transactions, personal_data)
    scene = Scene(Realm(AT), sessions, watch, history, staff)
    scene.sign_in("a1", "s1")
    scene.sign_in("a1", "s2")
    scene.sign_in("a2", "s3")
    assert scene.look(AT) == {"s1", "s2", "s3"}
    yield scene
    transactions.close()


def test_a_disabled_account_is_out_everywhere(scene: Scene) -> None:
    scene.realm.change(
        "users/a1", later(1), operation="UPDATE", sent='{"enabled": false, "username": "x"}'
    )
    assert scene.look(later(2)) == {"s3"}
    assert scene.realm.told == [("sign_out", "a1")]


def test_who_is_enabled_stays(scene: Scene) -> None:
    for sent in ('{"enabled": true, "requiredActions": []}', "{}", None, "[]", "no JSON"):
        scene.realm.change("users/a1", later(1), operation="UPDATE", sent=sent)
    assert scene.look(later(2)) == {"s1", "s2", "s3"}
    assert scene.realm.told == []


def test_a_reset_password_ends_what_was_opened_with_the_old_one(scene: Scene) -> None:
    scene.realm.change("users/a1/reset-password", later(10))
    scene.sign_in("a1", "new", later(12))
    assert scene.look(later(13)) == {"s3", "new"}
    assert scene.realm.told == [("end_session", "s1"), ("end_session", "s2")]


def test_a_session_that_the_realm_has_lost_ends_too(scene: Scene) -> None:
    scene.realm.held.clear()
    scene.realm.change("users/a1/reset-password", later(10))
    assert scene.look(later(13)) == {"s3"}


@pytest.mark.parametrize(("seconds", "left"), [(0.006, {"s3"}), (-60, {"s1", "s2", "s3"})])
def test_a_password_set_by_changing_the_account_is_told_by_its_date(
    scene: Scene, seconds: float, left: set[str]
) -> None:
    """The event of it is that of any change, such as a one-time code added at the counter."""
    changed = later(100)
    scene.realm.secrets["a1"] = [
        Credential("1", "otp", "", changed),
        Credential("2", "password", "", changed - timedelta(seconds=abs(seconds))),
    ]
    scene.realm.change("users/a1", changed, operation="UPDATE", sent="{}")
    assert scene.look(later(101)) == left


def test_a_required_action_needs_a_new_sign_in(scene: Scene) -> None:
    sent = json.dumps({"enabled": True, "requiredActions": ["UPDATE_PASSWORD"]})
    scene.realm.change("users/a1", later(1), operation="UPDATE", sent=sent)
    assert scene.look(later(2)) == {"s3"}


def test_a_credential_taken_away_takes_its_sessions_along(scene: Scene) -> None:
    scene.realm.change("users/a2/credentials/c-1", later(1))
    assert scene.look(later(2)) == {"s1", "s2"}


def test_a_deleted_account_is_out_of_here(scene: Scene) -> None:
    scene.realm.unknown = {"a1"}
    scene.realm.change("users/a1", later(1), operation="DELETE", sent='{"id": "a1"}')
    assert scene.look(later(2)) == {"s3"}


def test_what_concerns_an_account_deleted_since_harms_nobody(scene: Scene) -> None:
    scene.realm.unknown = {"a1"}
    scene.realm.change("users/a1", later(1), operation="UPDATE", sent="{}")
    scene.realm.change("users/a1/reset-password", later(2))
    scene.realm.change("users/a1", later(3), operation="UPDATE", sent='{"enabled": false}')
    scene.realm.act("LOGIN", "a1", later(3), used="c1")
    assert scene.look(later(4)) == {"s3"}
    assert [entry.means for entry in scene.history.of_account("a1", at=later(4))] == [Means.OTHER]


def test_when_all_sessions_of_the_realm_end_ours_do(scene: Scene) -> None:
    scene.realm.change("logout-all", later(1), resource="REALM", sent="{}")
    scene.sign_in("a2", "new", later(2))
    assert scene.look(later(3)) == {"new"}


@pytest.mark.parametrize(
    ("path", "operation", "resource"),
    [
        ("users/a1/logout", "ACTION", "USER"),
        ("users/a1/role-mappings/realm", "CREATE", "REALM_ROLE_MAPPING"),
        ("users/a1", "CREATE", "USER"),
        ("users/a1/groups/g", "DELETE", "GROUP_MEMBERSHIP"),
        ("push-revocation", "ACTION", "REALM"),
        ("clients/a1", "DELETE", "CLIENT"),
        ("", "UPDATE", "REALM"),
        ("users/a1/credentials/c/userLabel", "UPDATE", "USER"),
        ("users/../a1/reset-password", "ACTION", "USER"),
    ],
)
def test_other_changes_end_nothing(scene: Scene, path: str, operation: str, resource: str) -> None:
    scene.realm.change(path, later(1), operation=operation, resource=resource, sent="{}")
    assert scene.look(later(2)) == {"s1", "s2", "s3"}
    assert scene.realm.told == []


@pytest.mark.parametrize("kind", ["UPDATE_PASSWORD", "UPDATE_CREDENTIAL", "RESET_PASSWORD"])
def test_who_changes_his_password_stays_only_where_he_did(scene: Scene, kind: str) -> None:
    scene.realm.act(kind, "a1", later(1), session_id="s2")
    assert scene.look(later(2)) == {"s2", "s3"}
    assert scene.realm.told == [("end_session", "s1")]


def test_what_failed_changes_nothing(scene: Scene) -> None:
    scene.realm.act("UPDATE_PASSWORD", "a1", later(1), session_id=None, error="invalid")
    scene.realm.act("LOGIN", None, later(1))
    assert scene.look(later(2)) == {"s1", "s2", "s3"}


def test_who_deletes_himself_or_is_locked_for_good_is_out(scene: Scene) -> None:
    scene.realm.act("DELETE_ACCOUNT", "a1", later(1))
    scene.realm.act("USER_DISABLED_BY_PERMANENT_LOCKOUT", "a2", later(1))
    assert scene.look(later(2)) == set()
    assert scene.realm.told == [("sign_out", "a2")]


def test_sign_ins_are_kept_with_what_was_used(scene: Scene) -> None:
    scene.realm.secrets["a1"] = [
        Credential("pw", "password", "", AT),
        Credential("o", "otp", "", AT),
        Credential("w", "webauthn-passwordless", "", AT),
        Credential("x", "recovery-authn-codes", "", AT),
    ]
    for number, used in enumerate([None, "pw", "o", "w", "x", "gone"]):
        scene.realm.act("LOGIN", "a1", later(number), session_id=f"n{number}", used=used)
    # So Keycloak tells of a passkey, be it after a password or alone.
    passkey = "webauthn-passwordless"
    for number, session_id in ((6, "n0"), (7, "n7")):
        scene.realm.act("LOGIN", "a1", later(number), session_id=session_id, passkey=passkey)
    scene.realm.act("LOGIN", "a1", later(9), session_id=None)
    scene.realm.act("LOGIN", "a1", later(9), client_id=None)
    for _ in range(2):
        scene.look(later(10))
    found = scene.history.of_account("a1", at=later(10))
    assert [entry.means for entry in reversed(found)] == [
        Means.PASSWORD,
        Means.PASSWORD,
        Means.ONE_TIME_CODE,
        Means.PASSKEY,
        Means.OTHER,
        Means.OTHER,
        Means.PASSKEY,
        Means.PASSKEY,
    ]
    assert {(entry.client_id, entry.claims) for entry in found} == {("portal", ("full_name",))}


def test_while_the_provider_is_away_nothing_is_lost(scene: Scene) -> None:
    scene.realm.change("users/a1", later(1), operation="UPDATE", sent='{"enabled": false}')
    scene.realm.is_away = True
    for second in (2, 4, 6):
        with pytest.raises(ProviderUnavailableError):
            scene.watch.follow_changes(scene.realm, at=later(second))
    scene.realm.is_away = False
    assert scene.look(later(1500)) == {"s3"}
    assert scene.realm.asked_since[-1] <= later(1)


def test_one_account_that_cannot_be_signed_out_holds_up_no_others(scene: Scene) -> None:
    scene.realm.refuses = {"a1"}
    for account in ("a1", "a2"):
        scene.realm.change(
            f"users/{account}", later(1), operation="UPDATE", sent='{"enabled": false}'
        )
    with pytest.raises(RealmRefusedError):
        scene.watch.follow_changes(scene.realm, at=later(2))
    assert scene.sessions.all(at=later(2)) == [], "ours end in any case"
    assert scene.realm.told == [("sign_out", "a2")]
    scene.realm.refuses = set()
    scene.look(later(3))
    assert scene.realm.told == [("sign_out", "a2"), ("sign_out", "a1")]


def test_two_that_watch_do_no_harm(scene: Scene) -> None:
    """Both look, then both act; each event is in the history once."""
    scene.realm.act("LOGIN", "a1", later(1), session_id="s9")
    scene.realm.change("users/a2/reset-password", later(1))
    events = scene.realm.user_events(since=AT)
    for event in [*events, *events]:
        scene.watch._on_act(scene.realm, event, later(2))
    for _ in range(2):
        scene.watch._on_change(scene.realm, scene.realm.changes[0], later(2))
    assert scene.look(later(3)) == {"s1", "s2"}
    assert len(scene.history.of_account("a1", at=later(3))) == 1


# ---- leaving office ----


def test_whose_last_post_ends_is_signed_out(scene: Scene) -> None:
    """China's midnight is 16:00 UTC."""
    last_day = date(2026, 11, 24)

    def appoint(account: str, number: int, *posts: PostHeld) -> None:
        record = OfficerRecord(account, f"user-{account}", "示例员", document(number))
        scene.staff.appointments.appoint(record, posts, at=AT)

    appoint("a1", 1, held(Post.DRAFTING, until=last_day))
    appoint("a2", 2, held(Post.DRAFTING, until=last_day), held(Post.ACCEPTANCE))

    evening, midnight = (
        datetime(2026, 11, 24, 15, 59, tzinfo=UTC),
        datetime(2026, 11, 24, 16, 0, tzinfo=UTC),
    )
    assert scene.watch.follow_posts(scene.realm, at=AT) == 0
    assert scene.watch.follow_posts(scene.realm, at=evening) == 0
    scene.realm.is_away = True
    with pytest.raises(ProviderUnavailableError):
        scene.watch.follow_posts(scene.realm, at=midnight)
    scene.realm.is_away = False
    assert scene.watch.follow_posts(scene.realm, at=midnight + timedelta(hours=3)) == 1
    assert scene.watch.follow_posts(scene.realm, at=midnight + timedelta(hours=3)) == 0
    assert scene.watch.follow_posts(scene.realm, at=midnight + timedelta(hours=4)) == 0
    assert scene.realm.told == [("sign_out", "a1")]
    scene.staff.appointments.leave("a2", at=midnight + timedelta(hours=5))
    assert scene.watch.follow_posts(scene.realm, at=midnight + timedelta(hours=5)) == 1
    assert scene.realm.told[-1] == ("sign_out", "a2")
