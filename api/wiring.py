"""Builds every part from the settings and introduces the parts to one another."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import structlog

from api.approval_checks import officer_checks
from api.identity import Identity, open_identity
from api.messages import Language, messages
from api.office import Office, open_office
from api.settings import Settings
from api.trust import TrustStore, read_anchors
from api.verification_log import RecordedVerification, VerificationLog, new_verification_id
from certs.entries import ECertificate
from certs.errors import CertsError, RegisterUnavailableError
from certs.lifecycle import Status
from hsm.errors import CustodyError, TimeNotCredibleError
from signing.canonical import sm3
from signing.sm2 import self_test
from verify.errors import SourceUnavailableError, VerifyError
from verify.policy import OFFICE, VerificationPolicy
from verify.report import ReasonCode, VerificationReport
from verify.sandbox import Sandbox
from verify.sources import CertificateStatus, RegisteredStatus
from verify.verifier import Verifier, start_sandbox, try_sandbox

_log = structlog.get_logger(__name__)

# The clock of a machine whose battery failed stands at some moment long past.
EARLIEST_CREDIBLE_TIME = datetime(2026, 11, 1, tzinfo=UTC)


def system_clock() -> datetime:
    """Return the time: the one place of the application that asks the machine for it."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class RegisterAsSource:
    """Lets the verifier ask the register, neither knowing the other."""

    office: Office

    def keeps(self, authority_uscc: str) -> bool:
        """Whether the authority is one of ours: then what it sealed stands in the register."""
        return self.office.authorities.knows(authority_uscc)

    def find(self, number: str, authority_uscc: str, *, at: datetime) -> RegisteredStatus | None:
        """Return what stands under this number of this authority as of `at`."""
        try:
            certificate = self.office.register.find(number, authority_uscc)
        except CertsError as error:
            raise SourceUnavailableError(error.code) from error
        return None if certificate is None else _as_registered(certificate, at)


def _as_registered(certificate: ECertificate, at: datetime) -> RegisteredStatus:
    status = certificate.status_at(at)
    legal_kind = certificate.standing.legal_kind if status is Status.REVOKED else None
    return RegisteredStatus(
        number=certificate.number,
        code=certificate.code,
        type_name=certificate.type_name,
        authority_name=certificate.authority_name,
        authority_uscc=certificate.authority,
        status=CertificateStatus(status.value),
        legal_kind=legal_kind,
        successor=None,
        file_sm3=certificate.file_sm3,
        registered_at=certificate.registered_at,
        as_of=at,
        masked=certificate.public_fields,
    )


@dataclass(frozen=True, slots=True)
class Services:
    """All that a running application needs."""

    settings: Settings
    clock: Callable[[], datetime]
    office: Office
    trust: TrustStore
    sandbox: Sandbox
    verification_log: VerificationLog
    identity: Identity | None = None
    """None where nobody can sign in."""

    def verify(self, unverified_file: bytes) -> VerificationReport:
        """Return the report on a file under the policy `office`, and keep its record."""
        at = self.clock()
        verifier = Verifier(
            policy=OFFICE,
            anchors=self.trust.anchors(at=at),
            status_source=RegisterAsSource(self.office),
            sandbox=self.sandbox,
        )
        report = verifier.verify(unverified_file, at=at, report_id=new_verification_id())
        record = RecordedVerification(
            id=report.id,
            file_sm3=sm3(unverified_file).hex(),
            policy=report.policy.name,
            verdict=report.verdict,
            reason_code=report.reason_code,
            checked_at=at,
        )
        try:
            self.verification_log.record(record)
        except RegisterUnavailableError:
            # The answer is worth more than its record, and says itself what was not reachable.
            _log.warning("verification_not_recorded", id=report.id)
        if ReasonCode.NOT_IN_REGISTER in report.reason_codes:
            _log.error("sealed_but_not_in_register", id=report.id, file_sm3=record.file_sm3)
        return report

    def public_fields(self, certificate: ECertificate, language: Language) -> dict[str, str]:
        """Return what the public may see of a certificate, masked, under titles in `language`."""
        text, public = messages(language), certificate.public_fields
        titles = {name: text(f"field.{name}") for name in ("CZZT", "CZZTDM")} | {
            name: field.title_zh if language is Language.CHINESE else field.title_en
            for name, field in self.office.type_of(certificate).attributes.fields.items()
        }
        return {title: public[name] for name, title in titles.items() if name in public}

    def try_parts(self) -> Mapping[str, str]:
        """Try register, ledger, keys and the rest just now: "ok" or a code for each."""
        attempts: dict[str, Callable[[], object]] = {
            "register": self.office.register.count,
            "ledger": self.office.ledger.head,
            "keys": self.office.try_keys,
            "trust": partial(self.trust.anchors, at=self.clock()),
            "sandbox": partial(try_sandbox, self.sandbox),
            "clock": self._try_clock,
        }
        if self.identity is not None:
            attempts["identity"] = self.identity.try_database
        return {name: _outcome(attempt) for name, attempt in attempts.items()}

    def _try_clock(self) -> None:
        if self.clock() < EARLIEST_CREDIBLE_TIME:
            raise TimeNotCredibleError("the machine's clock")


def _outcome(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except (CertsError, CustodyError, VerifyError) as error:
        return error.code
    return "ok"


@contextmanager
def open_services(
    settings: Settings, *, clock: Callable[[], datetime], identity: bool = True
) -> Iterator[Services]:
    """Open everything and close it at the end.

    The sandbox starts first: before any thread, key or database of this process. Without
    `identity`, or where it was never set up, nobody can sign in.
    """
    with (
        start_sandbox(settings.verification.limits()) as sandbox,
        open_office(settings, clock=clock) as office,
        open_identity(settings, office.store, office.mandate_sealer, clock)
        if identity and settings.lets_people_in
        else nullcontext() as people,
    ):
        if people is not None:
            office.permissions.introduce(officer_checks(settings, people.provider, people.officers))
        yield Services(
            settings=settings,
            clock=clock,
            office=office,
            trust=TrustStore(settings.data / "trust", [office.pki.root]),
            sandbox=sandbox,
            verification_log=VerificationLog(office.transactions),
            identity=people,
        )


@contextmanager
def open_verifier(
    settings: Settings, policy: VerificationPolicy, trust: Path | None, *, at: datetime
) -> Iterator[Verifier]:
    """Open what the command line needs to verify: no key, and no register unless it is asked.

    `trust` is a file of anchors to use instead of our own. Raise `BackendUnavailableError` when
    SM2 or SM3 gives a wrong answer here.
    """
    self_test()
    with start_sandbox(settings.verification.limits()) as sandbox, ExitStack() as stack:
        source = None
        if policy.asks_register:
            office = stack.enter_context(open_office(settings, clock=lambda: at))
            source = RegisterAsSource(office)
        yield Verifier(
            policy=policy,
            anchors=read_anchors(settings, trust, at=at),
            status_source=source,
            sandbox=sandbox,
        )
