"""Builds every part from the settings and introduces the parts to one another."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import structlog

from api.messages import Language, messages
from api.office import Office, open_office
from api.settings import Settings
from api.trust import TrustStore
from api.verification_log import RecordedVerification, VerificationLog, new_verification_id
from certs.errors import CertsError, RegisterUnavailableError
from certs.lifecycle import Status
from certs.register import ECertificate, Register
from hsm.errors import CustodyError
from signing.canonical import sm3
from verify.errors import SourceUnavailableError
from verify.policy import OFFICE
from verify.report import VerificationReport
from verify.sandbox import Sandbox
from verify.sources import CertificateStatus, RegisteredStatus
from verify.verifier import Verifier, start_sandbox

_log = structlog.get_logger(__name__)

# The clock of a machine whose battery failed stands at some moment long past.
EARLIEST_CREDIBLE_TIME = datetime(2026, 11, 1, tzinfo=UTC)


def system_clock() -> datetime:
    """Return the time: the one place of the application that asks the machine for it."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class RegisterAsSource:
    """Lets the verifier ask the register, neither knowing the other."""

    register: Register

    def find(self, number: str, authority_uscc: str, *, at: datetime) -> RegisteredStatus | None:
        """Return what stands under this number of this authority as of `at`."""
        try:
            certificate = self.register.find(number, authority_uscc)
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
    """All that a running application needs; close it to give everything back."""

    settings: Settings
    clock: Callable[[], datetime]
    office: Office
    trust: TrustStore
    sandbox: Sandbox
    verification_log: VerificationLog
    _stack: ExitStack

    def verify(self, unverified_file: bytes) -> VerificationReport:
        """Return the report on a file under the policy `office`, and keep its record."""
        at = self.clock()
        verifier = Verifier(
            policy=OFFICE,
            anchors=self.trust.anchors(at=at),
            status_source=RegisterAsSource(self.office.register),
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
        if "not_in_register" in report.reason_codes:
            _log.error("sealed_but_not_in_register", id=report.id, file_sm3=record.file_sm3)
        return report

    def public_fields(self, certificate: ECertificate, language: Language) -> dict[str, str]:
        """Return what the public may see of a certificate, masked, under titles in `language`."""
        kind = self.office.catalogue.find(certificate.type_code, certificate.type_version)
        text = messages(language)
        titles = {
            name: field.title_zh if language is Language.CHINESE else field.title_en
            for name, field in kind.attributes.fields.items()
        } | {name: text(f"field.{name}") for name in ("CZZT", "CZZTDM")}
        return {titles.get(name, name): value for name, value in certificate.public_fields.items()}

    def try_parts(self) -> Mapping[str, str]:
        """Try register, ledger, keys, sandbox and clock just now: "ok" or a code for each."""
        attempts: dict[str, Callable[[], object]] = {
            "register": lambda: self.office.register.find("-"),
            "ledger": self.office.ledger.head,
            "keys": self.office.try_keys,
            "sandbox": lambda: self.verify_nothing(),
            "clock": self._try_clock,
        }
        return {name: _outcome(attempt) for name, attempt in attempts.items()}

    def _try_clock(self) -> None:
        if self.clock() < EARLIEST_CREDIBLE_TIME:
            raise ClockError

    def close(self) -> None:
        """Give back sandbox, databases and keys."""
        self._stack.close()

    def __enter__(self) -> Self:
        """Close at the end of a `with`."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()
