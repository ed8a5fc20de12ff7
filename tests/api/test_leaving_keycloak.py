"""Sessions end everywhere within seconds: platform, portals, jobs and Keycloak all real."""

import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from simulators.district import CIVIL, MARKET, District, open_district, until
from simulators.district import system_clock as clock
from simulators.signed_in import identity_of
from simulators.web import ServedOffice

from idp.history import Means

pytestmark = pytest.mark.real

PEOPLE = tuple(
    f"chen.{what}"
    for what in (
        "disabled",
        "reset",
        "put",
        "deleted",
        "leaving",
        "one",
        "history",
        "code",
        "alarm",
    )
)


@pytest.fixture(scope="module")
def district(office: ServedOffice, tmp_path_factory: pytest.TempPathFactory) -> Iterator[District]:
    folder = tmp_path_factory.mktemp("leaving")
    with open_district(office, folder, {name: {} for name in PEOPLE}) as district:
        yield district


def test_who_is_disabled_in_the_console_is_out_everywhere(district: District) -> None:
    with district.somebody_in("chen.disabled") as (_, account):
        district.realm.operator.set_enabled(account, enabled=False)
        until(lambda: district.is_out(account))


def test_a_password_reset_in_the_console_ends_what_was_opened_before(district: District) -> None:
    with district.somebody_in("chen.reset") as (browser, account):
        person = district.realm.people["chen.reset"]
        person.password = "Another-horse-8"  # noqa: S105 - of an invented person
        district.realm.operator.set_password(account, person.password, temporary=False)
        until(lambda: district.is_out(account))
        time.sleep(1)
        district.enter(browser, "chen.reset")
        district.look_again()
        assert district.is_in(account) == {"platform": 1, MARKET: 1, CIVIL: 1}
        district.realm.operator.sign_out(account)
        until(lambda: district.is_out(account))


def test_a_password_that_the_event_does_not_tell_of_is_found_too(district: District) -> None:
    with district.somebody_in("chen.put") as (_, account):
        credential = {"type": "password", "value": "Another-horse-8"}
        district.realm.operator.add_credential(account, credential)
        until(lambda: district.is_out(account))


def test_a_deleted_account_is_out_of_here(district: District) -> None:
    with district.somebody_in("chen.deleted") as (_, account):
        # Past our own pages, which sign out first: the portals find out at their next refresh.
        connection = district.realm.server.connection
        connection.delete((district.realm.name, "users", account))
        until(lambda: district.is_in(account)["platform"] == 0)
        for parts in district.portals.values():
            for session in parts.sessions.all(at=clock()):
                parts.sessions.end(session)


def test_leaving_all_with_a_dead_portal_that_comes_back(district: District) -> None:
    with district.somebody_in("chen.leaving") as (browser, account):
        page = browser.visit(f"{district.origin}/services")
        assert "Food business licences" in page.html
        assert "Old-age allowances" in page.html
        district.stop(CIVIL)
        form = next(f for f in page.forms if urlsplit(f.action).path == "/logout")
        page = browser.submit(form, scope="all")
        assert urlsplit(page.address).path == "/logout/done"
        assert page.html.count(">Left<") + page.html.count("Left\n") == 2
        assert "Being told" in page.html
        assert district.is_in(account) == {"platform": 0, MARKET: 0, CIVIL: 1}
        district.serve(CIVIL)
        until(lambda: district.is_out(account))
        until(lambda: "Being told" not in browser.visit(page.address).html)
        # Keycloak knows nobody any more.
        page = browser.visit(f"{district.home(MARKET)}/login")
        assert page.form("username", "password") is not None


def test_leaving_only_the_platform(district: District) -> None:
    with district.somebody_in("chen.one") as (browser, account):
        page = browser.visit(f"{district.origin}/services")
        form = next(f for f in page.forms if urlsplit(f.action).path == "/logout")
        page = browser.submit(form, scope="this")
        assert district.is_in(account) == {"platform": 0, MARKET: 1, CIVIL: 1}
        page = browser.press(page, "/logout/rest")
        until(lambda: district.is_out(account))
        assert "You have left all services" in browser.visit(page.address).html


def test_sign_ins_are_in_the_history_once(district: District) -> None:
    history = identity_of(district.services).leaving.history
    with district.somebody_in("chen.history") as (browser, account):
        until(lambda: len(history.of_account(account, at=clock())) == 3)
        district.look_again()
        found = [(e.client_id, e.means) for e in reversed(history.of_account(account, at=clock()))]
        assert found == [
            ("platform", Means.PASSWORD),
            (MARKET, Means.EXISTING_SESSION),
            (CIVIL, Means.EXISTING_SESSION),
        ]
        page = browser.visit(f"{district.origin}/me/history")
        assert page.html.count("This was not me") == 3
        assert "Food business licences" in page.html
        district.realm.operator.sign_out(account)
        until(lambda: district.is_out(account))


def test_a_one_time_code_is_told_apart(district: District) -> None:
    history = identity_of(district.services).leaving.history
    with district.somebody_in("chen.code") as (browser, account):
        home = district.home(MARKET)
        page = browser.visit(f"{home}/matters/food-licence")
        page = browser.press(page, "/matters/food-licence", words="x")
        form = page.form("otp")
        assert form is not None
        browser.submit(form, otp=district.realm.totp_code("chen.code"))
        until(lambda: len(history.of_account(account, at=clock())) == 4)
        newest = history.of_account(account, at=clock())[0]
        assert (newest.client_id, newest.means) == (MARKET, Means.ONE_TIME_CODE)
        district.realm.operator.sign_out(account)
        until(lambda: district.is_out(account))


def test_after_this_was_not_me_the_password_opens_nothing(district: District) -> None:
    with district.somebody_in("chen.alarm") as (browser, account):
        page = browser.visit(f"{district.origin}/me/history/alarm")
        page = browser.press(page, "/me/history/alarm")
        assert "The account is shut" in page.html
        until(lambda: district.is_out(account))
        for home in (district.origin, district.home(MARKET)):
            page = district.sign_in(browser, "chen.alarm", home)
            assert not page.address.startswith(home)
        identity = identity_of(district.services)
        assert identity.admin is not None
        identity.leaving.alarms.clear(account, identity.admin, clerk="clerk", at=clock())
        page = district.sign_in(browser, "chen.alarm", district.origin)
        assert page.address.startswith(district.origin)
