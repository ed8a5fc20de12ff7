"""What production does not start with; each is told, and each by itself is enough."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import HttpUrl, SecretStr
from simulators import pki
from simulators.office import Office, new_office

from api.production import DEMONSTRATION_PEOPLE, ProductionRefusedError, verify_fit_for_production
from api.settings import Environment, Settings
from certs.pki import Pki
from certs.seals import SealBook
from hsm.settings import CustodySettings
from idp.settings import IdentitySettings
from signing.x509 import DistinguishedName

NO_SEALS = SealBook({})
MARKET_PORTAL = Path(__file__).resolve().parents[2] / "demo" / "portals" / "market.yaml"


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Office:
    """Return an office as `init` makes it in development."""
    return new_office(tmp_path_factory.mktemp("embedded"))


@pytest.fixture(scope="module")
def real_pki() -> Pki:
    """Return a PKI whose names say nothing of a test."""
    made = pki.Pki.create()
    own = [made.root.issue(DistinguishedName("CN", "机构", name)).cert for name in "甲乙丙丁"]
    root, unit_ca, seal_maker_ca, seal_maker = own
    return Pki(root, unit_ca, seal_maker_ca, seal_maker, units={})


def production(**changes: object) -> Settings:
    given = {
        "env": Environment.PRODUCTION,
        "data": Path("nowhere"),
        "public_url": HttpUrl("https://zhengzhao.example"),
        "site_name": "某区电子证照平台",
        "custody": CustodySettings(kek=SecretStr("00112233445566778899aabbccddeeff")),
    }
    return Settings.model_validate(given | changes)


def refusals(settings: Settings, own: Pki, seals: SealBook = NO_SEALS) -> tuple[str, ...]:
    with pytest.raises(ProductionRefusedError) as caught:
        verify_fit_for_production(settings, own, seals)
    return caught.value.refusals


def test_an_office_with_parts_of_its_own_starts(real_pki: Pki) -> None:
    verify_fit_for_production(production(), real_pki, NO_SEALS)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"custody": CustodySettings()}, "HSM_KEK"),
        ({"custody": CustodySettings(kek_file=Path("kek"))}, "HSM_KEK"),
        ({"public_url": HttpUrl("http://zhengzhao.example")}, "ZHENGYIN_PUBLIC_URL"),
        ({"site_name": Settings().site_name}, "ZHENGYIN_SITE_NAME"),
    ],
)
def test_a_setting_of_development_is_refused(
    real_pki: Pki, changes: dict[str, object], refusal: str
) -> None:
    (told,) = refusals(production(**changes), real_pki)
    assert told.startswith(f"{refusal}: ")


def test_a_provider_that_anybody_could_be_is_refused(real_pki: Pki, tmp_path: Path) -> None:
    settings = production(data=tmp_path)
    verify_fit_for_production(settings, real_pki, NO_SEALS)  # nobody signs in here
    settings.client_key_file.parent.mkdir()
    settings.client_key_file.write_bytes(b"a key")
    (told,) = refusals(settings, real_pki)
    assert told.startswith("IDP_ISSUER: ")
    encrypted = IdentitySettings(issuer=HttpUrl("https://id.zhengzhao.example/realms/district"))
    verify_fit_for_production(production(data=tmp_path, identity=encrypted), real_pki, NO_SEALS)


def test_bases_that_anybody_could_be_are_refused(real_pki: Pki) -> None:
    identity = IdentitySettings(bases_url=HttpUrl("http://bases.zhengzhao.example"))
    (told,) = refusals(production(identity=identity), real_pki)
    assert told.startswith("IDP_BASES_URL: ")


@pytest.mark.parametrize("host", ["id.zhengzhao.example", "10.0.0.8"])
def test_a_password_is_sent_nowhere_in_the_clear(real_pki: Pki, host: str) -> None:
    near = IdentitySettings(keycloak_url=HttpUrl("http://localhost:8180"))
    verify_fit_for_production(production(identity=near), real_pki, NO_SEALS)
    far = IdentitySettings(keycloak_url=HttpUrl(f"http://{host}:8180"))
    (told,) = refusals(production(identity=far), real_pki)
    assert told.startswith("IDP_KEYCLOAK_URL: ")


def test_a_portal_in_the_clear_is_refused(real_pki: Pki, tmp_path: Path) -> None:
    (tmp_path / "portals").mkdir()
    shutil.copy(MARKET_PORTAL, tmp_path / "portals" / "portal-market.yaml")
    (told,) = refusals(production(data=tmp_path), real_pki)
    assert told == "portals: http://market.localhost:8201 is not https"


def test_people_of_the_demonstration_are_refused(real_pki: Pki, tmp_path: Path) -> None:
    people = tmp_path / DEMONSTRATION_PEOPLE
    people.parent.mkdir()
    people.write_bytes(b"{}")
    (told,) = refusals(production(data=tmp_path), real_pki)
    assert told.startswith("demo/people.json: ")


@pytest.mark.parametrize("name", ["root", "seal_maker"])
def test_an_embedded_authority_is_refused(real_pki: Pki, embedded: Office, name: str) -> None:
    mixed = replace(real_pki, **{name: getattr(embedded.pki, name)})
    (told,) = refusals(production(), mixed)
    assert told.startswith(f"pki/{name.replace('_', '-')}.der: ")


def test_a_seal_marked_as_a_test_is_refused(real_pki: Pki, embedded: Office) -> None:
    told = refusals(production(), real_pki, embedded.seals)
    assert [one.partition(":")[0] for one in told] == [
        f"seals/{unit_seal.eseal.seal_id}.esl" for unit_seal in embedded.seals
    ]


def test_an_authorisation_that_nobody_signed_in_for_is_refused(
    real_pki: Pki, embedded: Office
) -> None:
    given = embedded.permissions.authorisations()
    recalled = [replace(use, recalled=True) for use in given]
    with pytest.raises(ProductionRefusedError) as caught:
        verify_fit_for_production(production(), real_pki, NO_SEALS, given)
    assert caught.value.refusals == tuple(
        f"ledger row {use.number}: an authorisation of development" for use in given
    )
    verify_fit_for_production(production(), real_pki, NO_SEALS, recalled)


def test_all_refusals_are_told_at_once(embedded: Office, tmp_path: Path) -> None:
    settings = Settings(env=Environment.PRODUCTION, data=tmp_path)
    told = refusals(settings, embedded.pki, embedded.seals)
    assert len(told) == 5 + len(list(embedded.seals))


def test_development_takes_everything(embedded: Office) -> None:
    verify_fit_for_production(Settings(), embedded.pki, embedded.seals)
