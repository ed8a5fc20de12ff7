"""Administration with the least roles, against the real Keycloak."""

from datetime import UTC, datetime, timedelta

import pytest
from simulators.keycloak import RealmForTests

from idp.errors import AlreadyInRealmError, NotInRealmError, RealmRefusedError
from idp.levels import IdentityLevel
from idp.realm.records import NewUser

pytestmark = pytest.mark.real

USCC = "91110000MA000000XX"


def test_an_account_from_beginning_to_end(realm: RealmForTests) -> None:
    admin = realm.admin
    began = datetime.now(UTC) - timedelta(seconds=1)
    new = NewUser("wang.example", "王示例", "111", "110000190001010010", IdentityLevel.MATCHED)
    account = admin.create_user(new)
    with pytest.raises(AlreadyInRealmError):
        admin.create_user(new)
    user = admin.find_user("wang.example")
    assert user is not None
    assert user == admin.user(account)
    assert (user.full_name, user.identity_level, user.enabled) == ("王示例", 1, True)
    assert admin.find_user("wang") is None

    admin.change_user(account, identityLevel="L4")
    admin.set_enabled(account, enabled=False)
    changed = admin.user(account)
    assert (changed.identity_level, changed.enabled) == (IdentityLevel.ORIGINAL, False)
    assert changed.document_number == new.document_number

    with pytest.raises(RealmRefusedError) as refused:
        admin.set_password(account, "Short-1", temporary=True)
    assert refused.value.reason == "invalidPasswordMinLengthMessage"
    admin.set_password(account, "Long-enough-1", temporary=True)
    assert admin.user(account).required_actions == ("UPDATE_PASSWORD",)
    (password,) = admin.credentials(account)
    assert password.type == "password"

    admin.delete_user(account)
    for gone in (admin.user, admin.sessions, admin.sign_out, admin.delete_user):
        with pytest.raises(NotInRealmError):
            gone(account)
    acts = [
        (event.operation_type, event.resource_path)
        for event in admin.admin_events(since=began, resource_types=["USER"])
    ]
    assert ("ACTION", f"users/{account}/reset-password") in acts
    assert acts[-1] == ("DELETE", f"users/{account}")


def test_companies_and_their_members(realm: RealmForTests) -> None:
    admin = realm.admin
    account = realm.person("li.example", otp=False)
    company = admin.put_organization(USCC.lower(), "示例贸易有限公司", USCC)
    assert admin.put_organization(USCC.lower(), "示例商贸有限公司", USCC) == company
    admin.add_member(company, account)
    (found,) = admin.organizations_of(account)
    assert (found.id, found.name, found.uscc) == (company, "示例商贸有限公司", USCC)
    with pytest.raises(AlreadyInRealmError):
        admin.add_member(company, account)
    admin.remove_member(company, account)
    assert admin.organizations_of(account) == ()
    assert admin.find_organization("91110000MA000000YY") is None


def test_the_application_may_not_touch_clients(realm: RealmForTests) -> None:
    with pytest.raises(RealmRefusedError):
        realm.admin.client("platform")
    with pytest.raises(RealmRefusedError):
        realm.admin.put_client({"clientId": "another", "enabled": True})
