"""What production refuses to start with: everything that is there to make development easy."""

from collections.abc import Iterable, Iterator

from api.settings import DEMONSTRATION_SITE_NAME, Environment, Settings
from certs.pki import Pki
from certs.seals import SealBook
from hsm.permits import UnattendedUse
from idp.portals import Portals

TEST_MARK = "测试"
DEMONSTRATION_PEOPLE = "demo/people.json"
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


class ProductionRefusedError(Exception):
    """The application does not start in production like this; `refusals` says why."""

    code = "production_refused"

    def __init__(self, refusals: Iterable[str]) -> None:
        """Keep every reason: the operator mends them in one go."""
        self.refusals = tuple(refusals)
        super().__init__("; ".join(self.refusals))


def verify_fit_for_production(
    settings: Settings, pki: Pki, seals: SealBook, authorisations: Iterable[UnattendedUse] = ()
) -> None:
    """Raise `ProductionRefusedError` in production where something of development is left."""
    if settings.env is not Environment.PRODUCTION:
        return
    refusals = [
        *_refusals(settings, pki, seals),
        *_refusals_of_ledger(authorisations),
        *_refusals_of_identity(settings),
    ]
    if refusals:
        raise ProductionRefusedError(refusals)


def verify_fit_for_demonstration(settings: Settings) -> None:
    """Raise `ProductionRefusedError` in production, which demonstrates nothing.

    The samples would get real seals, and the officers would be those of the demonstration.
    """
    if settings.env is Environment.PRODUCTION:
        raise ProductionRefusedError(["ZHENGYIN_ENV: the demonstration is for development"])


def _refusals(settings: Settings, pki: Pki, seals: SealBook) -> Iterator[str]:
    if settings.custody.kek_is_a_plain_file:
        yield "HSM_KEK: the key-encryption key lies in a plain file beside the keys"
    if not settings.is_https:
        yield "ZHENGYIN_PUBLIC_URL: not https, and it is sealed into every certificate"
    if settings.site_name == DEMONSTRATION_SITE_NAME:
        yield "ZHENGYIN_SITE_NAME: still the name of the demonstration"
    if TEST_MARK in pki.root.subject.common_name:
        yield "pki/root.der: the embedded certification authority"
    if TEST_MARK in pki.seal_maker.subject.common_name:
        yield "pki/seal-maker.der: the embedded seal maker"
    for unit_seal in seals:
        if unit_seal.is_test:
            yield f"seals/{unit_seal.eseal.seal_id}.esl: a seal marked {TEST_MARK}"


def _refusals_of_ledger(authorisations: Iterable[UnattendedUse]) -> Iterator[str]:
    for use in authorisations:
        if use.of_development and not use.recalled:
            yield f"ledger row {use.number}: an authorisation of development"


def _refusals_of_identity(settings: Settings) -> Iterator[str]:
    identity = settings.identity
    if settings.lets_people_in and identity.issuer.scheme != "https":
        yield "IDP_ISSUER: not https, and whoever answers there says who people are"
    if identity.bases_url is not None and identity.bases_url.scheme != "https":
        yield "IDP_BASES_URL: not https, and whoever answers there says who lives"
    keycloak = identity.keycloak_url
    if keycloak is not None and keycloak.scheme != "https" and keycloak.host not in LOOPBACK:
        yield "IDP_KEYCLOAK_URL: not https, and the administrator's password goes there"
    for home in sorted(Portals(settings.data / "portals").homes()):
        if not home.startswith("https://"):
            yield f"portals: {home} is not https"
    if (settings.data / DEMONSTRATION_PEOPLE).exists():
        yield f"{DEMONSTRATION_PEOPLE}: people of the demonstration, with their passwords"
