"""Approvals as they come from the provider: forged in every way, and one from the real one."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest
from simulators.approvals import DRAFTER
from simulators.browser_session import BrowserSession
from simulators.keycloak import RealmForTests
from simulators.officers import BUREAU, OTHER_BUREAU, Staff, held, new_staff, sqlite_address
from simulators.token_drafts import (
    ACCOUNT,
    AT,
    CLIENT,
    TokenDraft,
    id_token_draft,
    public_jwk,
    rsa_key,
    seconds,
    unb64,
)

from api.approval_checks import OfficerChecks, officer_checks
from api.office import initialise, open_office
from api.settings import Settings
from certs.acceptance import KeyedOrder
from certs.content import draft_sm3
from certs.issuance import Issued
from certs.orders import parse_order
from hsm.approvals import SealingApproval
from hsm.errors import ApprovalRejectedError, SignInUnverifiableError
from hsm.ledger import Ledger
from hsm.permissions import Permissions
from hsm.permits import DraftRef, SealingAuthorisation, nonce_of
from hsm.pinned_keys import FILE_NAME, write_pinned_keys
from hsm.settings import CustodySettings
from idp.errors import InvalidTokenError, ProviderUnavailableError
from idp.faults import ProviderFault, TokenFault
from idp.levels import AuthenticationLevel
from idp.login import Prompt, RelyingParty, SignInRequest
from idp.officers import Post
from idp.provider import Provider
from idp.provider_keys import SigningKey, read_keys
from idp.settings import IdentitySettings
from signing.canonical import sm3
from signing.envelope import DataKey

ISSUER = "http://localhost:8180/realms/district"
APPROVALS = "platform-approvals"
MINUTE = timedelta(minutes=1)
DRAFTS = tuple(DraftRef(f"{n:032x}", sm3(f"draft {n}".encode()).hex(), DRAFTER) for n in range(3))


@dataclass
class PublishedKeys:
    """What the provider publishes: the key that is pinned, and one that is not."""

    oidc_issuer: str = ISSUER
    published: list[dict[str, object]] = field(
        default_factory=lambda: [
            public_jwk(rsa_key("good"), "rsa"),
            public_jwk(rsa_key("another"), "another"),
        ]
    )

    def key(self, kid: str, alg: str, *, at: datetime) -> SigningKey:
        """Return the key of this id."""
        found = read_keys({"keys": self.published}).get(kid, TokenFault.UNKNOWN_KEY)
        if isinstance(found, TokenFault):
            raise InvalidTokenError(found)
        return found.key_for(alg)


@pytest.fixture
def staff(tmp_path: Path) -> Iterator[Staff]:
    with new_staff(sqlite_address(tmp_path)) as staff:
        staff.appoint(ACCOUNT, held(Post.SEALING))
        yield staff


@pytest.fixture
def keys() -> PublishedKeys:
    return PublishedKeys()


@pytest.fixture
def settings(tmp_path: Path, keys: PublishedKeys) -> Settings:
    pin(tmp_path, keys)
    return Settings(data=tmp_path, identity=IdentitySettings())


def pin(folder: Path, keys: PublishedKeys, **changes: str) -> None:
    given = {"oidc_issuer": ISSUER, "client_id": APPROVALS} | changes
    thumbprint = keys.key("rsa", "RS256", at=AT).thumbprint()
    write_pinned_keys(folder, thumbprints=[thumbprint], **given)


@pytest.fixture
def permissions(
    settings: Settings, staff: Staff, keys: PublishedKeys, tmp_path: Path
) -> Iterator[Permissions]:
    ledger = Ledger.create(tmp_path / "ledger.db")
    permissions = Permissions(
        ledger, clock=lambda: AT, evidence_key=DataKey.generate("evidence-1"), development=False
    )
    permissions.introduce(officer_checks(settings, keys, staff.officers))
    yield permissions
    permissions.verify_evidence()
    ledger.verify_chain()
    ledger.close()


def token(nonce: str | None = None) -> TokenDraft:
    """Return the ID token of a good approval, before it is signed."""
    draft = id_token_draft(ISSUER, "access", nonce or nonce_of(DRAFTS))
    draft.claims |= {"aud": APPROVALS, "azp": APPROVALS, "acr": "al2", "identity_level": "L3"}
    return draft


def approval(id_token: str) -> SealingApproval:
    return SealingApproval(
        officer=ACCOUNT,
        authority=BUREAU,
        id_token=id_token,
        drafts=DRAFTS,
        asked_at=AT - MINUTE,
    )


def refused(permissions: Permissions, made: SealingApproval, match: str) -> None:
    with pytest.raises(ApprovalRejectedError, match=match):
        permissions.record(made)
    assert permissions.of_drafts([d.draft_id for d in DRAFTS]) == {}


def test_a_good_approval_is_kept(permissions: Permissions) -> None:
    recorded = permissions.record(approval(token().compact()))
    assert (recorded.officer, recorded.authority) == (ACCOUNT, BUREAU)


Attack = Callable[[TokenDraft], object]


def claim(name: str, value: object) -> Attack:
    return lambda draft: draft.claims.update({name: value})


def of_no_pinned_key(draft: TokenDraft) -> None:
    """Sign with what the provider publishes, and signs people in with: it was not pinned."""
    draft.key, draft.header["kid"] = rsa_key("another"), "another"


def of_a_stranger_under_its_name(draft: TokenDraft) -> None:
    draft.key = rsa_key("stranger")


def of_another_client(draft: TokenDraft) -> None:
    """Take an ordinary sign-in: its nonce is the application's to choose."""
    draft.claims |= {"aud": CLIENT, "azp": CLIENT}


def refreshed(draft: TokenDraft) -> None:
    del draft.claims["nonce"]


def of_the_api(draft: TokenDraft) -> None:
    draft.claims["typ"] = "Bearer"


def unsigned(draft: TokenDraft) -> None:
    draft.header["alg"] = "none"
    draft.rewrite = lambda text: text.rpartition(".")[0] + "."


def expired(draft: TokenDraft) -> None:
    signed_in = seconds(AT - 6 * MINUTE)
    draft.claims |= {"iat": signed_in, "auth_time": signed_in, "exp": seconds(AT - MINUTE)}


ATTACKS: dict[str, tuple[str, Attack]] = {
    "a key that is not pinned": ("unknown_key", of_no_pinned_key),
    "another's key": ("wrong_signature", of_a_stranger_under_its_name),
    "no signature": ("unknown_algorithm", unsigned),
    "another realm": (
        "wrong_issuer",
        claim("iss", "http://localhost:8180/realms/district-2"),
    ),
    "another client": ("wrong_audience", of_another_client),
    "an access token": ("wrong_purpose", of_the_api),
    "a refreshed token": ("nonce", refreshed),
    "one draft less": ("wrong_nonce", claim("nonce", nonce_of(DRAFTS[:2]))),
    "a changed draft": (
        "wrong_nonce",
        claim("nonce", nonce_of([*DRAFTS[:2], replace(DRAFTS[2], draft_sm3="f" * 64)])),
    ),
    "an upper-case nonce": ("wrong_nonce", claim("nonce", nonce_of(DRAFTS).upper())),
    "one factor": ("one factor", claim("acr", "al1")),
    "a level nobody knows": ("acr", claim("acr", "al9")),
    "not known in person": ("known in person", claim("identity_level", "L2")),
    "no identity level": ("identity_level", claim("identity_level", None)),
    "another's sign-in": ("another officer's", claim("sub", "another-account")),
    "before he was asked": (
        "before he was asked",
        claim("auth_time", seconds(AT - 2 * MINUTE)),
    ),
    "expired": ("expired", expired),
}


@pytest.mark.parametrize(("reason", "attack"), ATTACKS.values(), ids=ATTACKS.keys())
def test_a_forged_approval_is_not_kept(
    permissions: Permissions, reason: str, attack: Attack
) -> None:
    draft = token()
    attack(draft)
    refused(permissions, approval(draft.compact()), reason)


def test_a_sign_in_of_long_ago_is_none(permissions: Permissions) -> None:
    draft = token()
    draft.claims["auth_time"] = seconds(AT - 11 * MINUTE)
    made = replace(approval(draft.compact()), asked_at=AT - 12 * MINUTE)
    refused(permissions, made, "just now")


def test_an_officer_speaks_for_his_authority_only(permissions: Permissions) -> None:
    made = replace(approval(token().compact()), authority=OTHER_BUREAU)
    refused(permissions, made, "not_permitted")


def test_who_has_left_approves_nothing(permissions: Permissions, staff: Staff) -> None:
    staff.appointments.leave(ACCOUNT, at=AT - MINUTE)
    refused(permissions, approval(token().compact()), "not_permitted")


def test_a_sealing_officer_is_no_seal_keeper(permissions: Permissions, staff: Staff) -> None:
    terms = SealingAuthorisation(
        id="a" * 32,
        authority=BUREAU,
        type_code="11999900MB0000019D001",
        since=AT,
        until=AT + timedelta(days=1),
        daily_cap=5,
    )
    made = token(terms.nonce).compact()
    with pytest.raises(ApprovalRejectedError, match="not_permitted"):
        permissions.authorise(terms, keeper=ACCOUNT, id_token=made, asked_at=AT - MINUTE)
    staff.appoint("keeper", held(Post.SEAL_KEEPING), sequence=2)
    draft = token(terms.nonce)
    draft.claims["sub"] = "keeper"
    use = permissions.authorise(
        terms, keeper="keeper", id_token=draft.compact(), asked_at=AT - MINUTE
    )
    assert (use.officer, use.of_development) == ("keeper", False)
    staff.appoint("both", held(Post.SEAL_KEEPING), held(Post.DRAFTING, OTHER_BUREAU), sequence=3)
    draft.claims["sub"] = "both"
    terms = replace(terms, id="7" * 32)
    draft.claims["nonce"] = terms.nonce
    with pytest.raises(ApprovalRejectedError, match="not_permitted"):
        permissions.authorise(terms, keeper="both", id_token=draft.compact(), asked_at=AT - MINUTE)


def test_when_the_providers_keys_cannot_be_had_the_same_approval_counts_later(
    permissions: Permissions, keys: PublishedKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = Mock(side_effect=ProviderUnavailableError(ProviderFault.UNREACHABLE))
    made = approval(token().compact())
    with monkeypatch.context() as patch:
        patch.setattr(keys, "key", away)
        with pytest.raises(SignInUnverifiableError):
            permissions.record(made)
    permissions.record(made)


# ---- pinned keys


def test_without_pinned_keys_nobody_approves(permissions: Permissions, settings: Settings) -> None:
    (settings.data / FILE_NAME).unlink()
    refused(permissions, approval(token().compact()), "no keys are pinned")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "[" * 10_000,
        '{"oidc_issuer": "http://localhost:8180/realms/district"}',
        json.dumps({"oidc_issuer": ISSUER, "client_id": APPROVALS, "thumbprints": []}),
        json.dumps({"oidc_issuer": ISSUER, "client_id": APPROVALS, "thumbprints": ["short"]}),
        json.dumps({"oidc_issuer": ISSUER, "client_id": APPROVALS, "thumbprints": [7]}),
    ],
)
def test_a_file_that_pins_nothing(
    permissions: Permissions, settings: Settings, content: str
) -> None:
    (settings.data / FILE_NAME).write_text(content, encoding="utf-8")
    refused(permissions, approval(token().compact()), "no keys are pinned")


@pytest.mark.parametrize(
    "changes", [{"oidc_issuer": "http://elsewhere.example"}, {"client_id": "platform"}]
)
def test_keys_pinned_for_another_provider_count_for_that_one(
    permissions: Permissions, settings: Settings, keys: PublishedKeys, changes: dict[str, str]
) -> None:
    pin(settings.data, keys, **changes)
    refused(permissions, approval(token().compact()), "another provider")


def test_the_setting_is_stronger_than_the_file(
    permissions: Permissions, settings: Settings, keys: PublishedKeys, staff: Staff
) -> None:
    """Whoever can write the data folder cannot change the environment."""
    another = keys.key("another", "RS256", at=AT).thumbprint()
    custody = CustodySettings(approval_keys=f"{another}, {another}")
    permissions.introduce(
        OfficerChecks(
            settings.model_copy(update={"custody": custody}),
            officer_checks(settings, keys, staff.officers).sign_ins,
        )
    )
    refused(permissions, approval(token().compact()), "unknown_key")
    draft = token()
    of_no_pinned_key(draft)
    permissions.record(approval(draft.compact()))


@pytest.mark.parametrize("text", ["", "short", "a" * 44, "ä" * 43, f"{'a' * 43} b"])
def test_what_is_no_thumbprint_pins_nothing(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match="thumbprints"):
        CustodySettings(approval_keys=text)
    with pytest.raises(ValueError, match="thumbprints"):
        write_pinned_keys(tmp_path, oidc_issuer="i", client_id="c", thumbprints=[text])


# ---- the real one


@pytest.mark.real
def test_an_officer_approves_by_the_real_provider(realm: RealmForTests, tmp_path: Path) -> None:
    """Draft, digest, pushed sign-in with both factors, ledger, seal."""
    officer = realm.person("sealing.officer")
    identity = IdentitySettings.model_validate({"issuer": realm.issuer})
    settings = Settings(data=tmp_path, identity=identity)
    initialise(settings, clock=now)
    provider = Provider(realm.issuer)
    with (
        open_office(settings, clock=now) as office,
        new_staff(sqlite_address(tmp_path)) as staff,
        realm.browser() as browser,
    ):
        staff.appoint(officer, held(Post.SEALING))
        office.permissions.introduce(officer_checks(settings, provider, staff.officers))
        kind = office.catalogue.find("food-business-licence")
        order = parse_order(
            json.loads((kind.folder / "sample.json").read_bytes()),
            certificate_type=kind,
            authorities=office.authorities,
            authority_uscc=BUREAU,
            at=now(),
        )
        draft_id = "d" * 32
        drafts = (DraftRef(draft_id, draft_sm3(order, draft_id), DRAFTER),)
        asked_at = now()
        made = SealingApproval(
            officer=officer,
            authority=BUREAU,
            id_token=sign_in(realm, browser, provider, nonce_of(drafts)),
            drafts=drafts,
            asked_at=asked_at,
        )
        request = KeyedOrder(order, draft_id, draft_id)
        with pytest.raises(ApprovalRejectedError, match="no keys are pinned"):
            office.issuance.issue_many([request], approval=made, at=now())
        pin_published(settings, provider, made.id_token)
        (issued,) = office.issuance.issue_many([request], approval=made, at=now())
        assert isinstance(issued, Issued)
        assert issued.certificate.id == draft_id
        office.ledger.verify_chain()
        office.permissions.verify_evidence()
        office.reconciliation.verify()
    provider.close()


def now() -> datetime:
    return datetime.now(UTC)


def sign_in(realm: RealmForTests, browser: BrowserSession, provider: Provider, nonce: str) -> str:
    party = RelyingParty(
        provider, APPROVALS, realm.approvals, f"{realm.origin}/login/callback", pushed=True
    )
    request = SignInRequest(
        level=AuthenticationLevel.ONE_TIME_CODE, prompt=Prompt.LOGIN, nonce=nonce
    )
    attempt, address = party.begin(request, at=now())
    page = realm.sign_in(browser, address, "sealing.officer")
    return party.finish(attempt, page.query_string, at=now()).tokens.id_token


def pin_published(settings: Settings, provider: Provider, id_token: str) -> None:
    """Pin the key that signed, as `realm apply` pins all that sign."""
    header = json.loads(unb64(id_token.split(".", maxsplit=1)[0]))
    key = provider.key(header["kid"], header["alg"], at=now())
    write_pinned_keys(
        settings.data,
        oidc_issuer=provider.oidc_issuer,
        client_id=APPROVALS,
        thumbprints=[key.thumbprint()],
    )
