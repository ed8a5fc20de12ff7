"""What a verifier says beside its reasons, whom it asks, and whom it does not believe."""

from dataclasses import replace
from datetime import timedelta

import pytest
from simulators.pki import AT, OTHER_UNIT_NAME
from simulators.signed_files import NUMBER, Desk, KeptRegister, draw
from structlog.testing import capture_logs

from signing.errors import BackendUnavailableError
from verify import verifier as module
from verify.confinement import Limits
from verify.errors import DocumentTooLargeError, NotADocumentError
from verify.pdf import read
from verify.policy import OFFICE, SEAL_ONLY, TrustAnchors
from verify.reading import FoundSignature, Reading
from verify.report import Depth, ReasonCode, Revocation, TimeSource, Verdict, VerificationReport
from verify.sandbox import Sandbox
from verify.settings import VerificationSettings
from verify.sources import CertificateStatus
from verify.verifier import MAX_FILE_OCTETS, Verifier, start_sandbox, try_sandbox

NOW = AT + timedelta(days=1)


class Parrot(Sandbox):
    """A sandbox whose child says what it was taught."""

    def __init__(self, answer: bytes | None) -> None:
        """Say `answer`, whatever the file."""
        super().__init__("nobody:prepare")
        self.answer = answer

    def examine(self, unverified_file: bytes) -> bytes | None:
        return self.answer


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk.create()


def ask_office(
    desk: Desk, file: bytes, register: KeptRegister, sandbox: Sandbox | None = None
) -> VerificationReport:
    verifier = Verifier(
        policy=OFFICE, anchors=desk.anchors, status_source=register, sandbox=sandbox
    )
    return verifier.verify(file, at=NOW, report_id="r-1")


def ask_nobody(desk: Desk, file: bytes, sandbox: Sandbox | None = None) -> VerificationReport:
    verifier = Verifier(policy=SEAL_ONLY, anchors=desk.anchors, status_source=None, sandbox=sandbox)
    return verifier.verify(file, at=NOW, report_id="r-1")


def test_a_registered_certificate_is_described_by_the_register(desk: Desk) -> None:
    sealed = desk.seal()
    report = ask_office(desk, sealed, KeptRegister.of(desk, sealed))
    assert report.verdict is Verdict.VALID
    assert report.status_as_of == NOW
    (signature,) = report.signatures
    assert signature.kind == "ses"
    assert signature.signer_uscc == desk.uscc
    assert signature.signed_at == AT
    assert signature.time_source is TimeSource.REGISTER
    assert signature.covers_whole_file
    assert signature.revocation is Revocation.NOT_ASKED
    assert report.certificate is not None
    assert report.certificate.number == NUMBER
    assert report.certificate.status is CertificateStatus.VALID
    assert report.certificate.masked == {"CZZT": "示例*"}


def test_a_certificate_out_of_force_says_why_and_what_came_after(desk: Desk) -> None:
    sealed = desk.seal()
    register = KeptRegister.of(
        desk,
        sealed,
        status=CertificateStatus.SUPERSEDED,
        legal_kind="bianggeng",
        successor="JY99990120260000012",
    )
    report = ask_office(desk, sealed, register)
    assert report.verdict is Verdict.NOT_IN_FORCE
    assert report.certificate is not None
    assert report.certificate.successor == "JY99990120260000012"
    assert report.certificate.legal_kind == "bianggeng"


def test_without_a_register_the_signer_is_taken_at_his_word_for_less(desk: Desk) -> None:
    report = ask_nobody(desk, desk.sign())
    assert report.verdict is Verdict.GENUINE
    assert report.status_as_of is None
    (signature,) = report.signatures
    assert signature.kind == "cms"
    assert signature.time_source is TimeSource.SIGNER
    assert report.certificate is not None
    assert report.certificate.number == NUMBER
    assert report.certificate.status is None


def test_the_authority_is_named_by_its_certificate_and_not_by_the_file(desk: Desk) -> None:
    report = ask_nobody(desk, desk.seal(desk.certificate(ZZBFJG="国务院")))
    assert report.certificate is not None
    assert report.certificate.authority_name == desk.unit.cert.subject.organization


def test_a_forged_file_is_not_described(desk: Desk) -> None:
    sealed = desk.seal()
    register = KeptRegister.of(desk, sealed)
    grown = sealed.replace(b"9 9 9 9 re", b"9 9 9 8 re")
    assert ask_office(desk, grown, register).certificate is None
    foreign = desk.seal(desk.certificate(ZZBFJGDM=OTHER_UNIT_NAME.uscc))
    assert ask_nobody(desk, foreign).certificate is None


def test_nobody_learns_of_a_number_by_signing_it_himself(desk: Desk) -> None:
    sealed = desk.seal()
    register = KeptRegister.of(desk, sealed)
    ask_office(desk, Desk.create().seal(), register)
    ask_office(desk, sealed.replace(b"9 9 9 9 re", b"9 9 9 8 re"), register)
    assert register.asked == []
    ask_office(desk, sealed, register)
    assert register.asked == [(NUMBER, desk.uscc)]


def test_the_register_is_asked_for_the_signers_own_number(desk: Desk) -> None:
    register = KeptRegister.of(desk)
    ask_office(desk, desk.seal(desk.certificate(ZZBFJGDM=OTHER_UNIT_NAME.uscc)), register)
    assert register.asked == [(NUMBER, desk.uscc)]


def test_the_diagnostic_report_names_digests_and_certificates(desk: Desk) -> None:
    answer = ask_nobody(desk, desk.seal()).as_dict(Depth.DIAGNOSTIC)
    diagnostic = answer["signatures"][0]["diagnostic"]
    assert diagnostic["signing_cert"]["sm3"] == desk.unit.cert.sm3
    assert diagnostic["seal"]["id"] == desk.office.eseal.seal_id
    assert len(diagnostic["digest"]) == 64
    assert answer["signatures"][0]["revocation"] == "not_asked"


def test_a_signature_that_is_not_read_says_what_it_was(desk: Desk) -> None:
    report = ask_nobody(desk, desk.seal().replace(b"00>", b"01>"))
    (signature,) = report.signatures
    assert (signature.kind, signature.signer, signature.signed_at) == (None, None, None)
    assert not signature.covers_whole_file
    assert signature.diagnostic["field"] == "Seal"


def test_what_is_no_document_is_not_tried(desk: Desk) -> None:
    for octets in (b"", b"PK\x03\x04 a book", b"MZ", b" " * 1024 + b"%PDF-1.7"):
        with pytest.raises(NotADocumentError):
            ask_nobody(desk, octets)
    with pytest.raises(DocumentTooLargeError):
        ask_nobody(desk, b"%PDF-".ljust(MAX_FILE_OCTETS + 1))


def test_the_largest_file_is_tried(desk: Desk) -> None:
    report = ask_nobody(desk, b"%PDF-".ljust(MAX_FILE_OCTETS))
    assert report.reason_codes == (ReasonCode.MALFORMED_DOCUMENT,)


def test_a_policy_that_asks_needs_somebody_to_ask(desk: Desk) -> None:
    with pytest.raises(ValueError, match="source"):
        Verifier(policy=OFFICE, anchors=desk.anchors, status_source=None, sandbox=None)


def test_without_anchors_nothing_is_known(desk: Desk) -> None:
    verifier = Verifier(
        policy=SEAL_ONLY, anchors=TrustAnchors(()), status_source=None, sandbox=None
    )
    report = verifier.verify(desk.seal(), at=NOW, report_id="r-1")
    assert report.reason_codes == (ReasonCode.UNKNOWN_ANCHOR,)


# A child in the hands of a hostile file


def lie(file: bytes, **changes: object) -> bytes:
    """Return what a child would say of `file`, but for `changes` to its first signature."""
    reading = read(file)
    signature = reading.signatures[0]
    assert isinstance(signature, FoundSignature)
    return replace(reading, signatures=(replace(signature, **changes),)).to_json()  # type: ignore[arg-type]  # fields


def test_the_truth_is_believed(desk: Desk) -> None:
    sealed = desk.seal()
    assert ask_nobody(desk, sealed, Parrot(lie(sealed))) == ask_nobody(desk, sealed)


@pytest.mark.parametrize(
    "answer",
    [None, b"", b"{}", b"[]", b"null", b"\xff", Reading(ReasonCode.NO_SIGNATURE).to_json() + b" x"],
)
def test_an_answer_that_is_none_proves_nothing(desk: Desk, answer: bytes | None) -> None:
    report = ask_nobody(desk, desk.seal(), Parrot(answer))
    assert report.reason_codes == (ReasonCode.MALFORMED_DOCUMENT,)


def test_later_changes_cannot_be_denied(desk: Desk) -> None:
    sealed = desk.seal()
    grown = sealed + b"%%EOF\n"
    with capture_logs() as logs:
        report = ask_office(desk, grown, KeptRegister.of(desk, sealed), Parrot(lie(sealed)))
    assert report.reason_codes == (ReasonCode.MALFORMED_DOCUMENT,)
    assert [entry["event"] for entry in logs] == ["reading_refused"]


def test_a_file_cannot_be_covered_beyond_its_end(desk: Desk) -> None:
    sealed = desk.seal()
    report = ask_nobody(desk, sealed[:-1], Parrot(lie(sealed)))
    assert report.reason_codes == (ReasonCode.MALFORMED_DOCUMENT,)


def test_the_gap_cannot_be_wider_than_the_contents(desk: Desk) -> None:
    sealed = desk.seal()
    signature = read(sealed).signatures[0]
    assert isinstance(signature, FoundSignature)
    wide = replace(signature.byte_range, first_length=signature.byte_range.first_length - 1)
    report = ask_nobody(desk, sealed, Parrot(lie(sealed, byte_range=wide)))
    assert report.reason_codes == (ReasonCode.MALFORMED_DOCUMENT,)


def test_no_signature_can_be_made_up(desk: Desk) -> None:
    changed = desk.seal().replace(b"9 9 9 9 re", b"9 9 9 8 re")
    report = ask_nobody(desk, changed, Parrot(lie(changed)))
    assert report.reason_codes == (ReasonCode.DOCUMENT_CHANGED,)


def test_sealed_data_made_up_are_not_in_the_register(desk: Desk) -> None:
    sealed, other = desk.seal(), desk.seal(desk.certificate(ZZBH="JY0"))
    taught = replace(read(sealed), attached=read(other).attached).to_json()
    report = ask_office(desk, sealed, KeptRegister.of(desk, sealed), Parrot(taught))
    assert report.reason_codes == (ReasonCode.NOT_IN_REGISTER,)


def test_more_than_anyone_digests_is_refused(desk: Desk) -> None:
    big = desk.seal(
        draw(None, more=[b"<</Length 7000000>>\nstream\n%b\nendstream" % bytes(7_000_000)])
    )
    reading = read(big)
    taught = replace(reading, signatures=reading.signatures * 30).to_json()
    report = ask_nobody(desk, big, Parrot(taught))
    assert report.reason_codes == (ReasonCode.MALFORMED_DOCUMENT,)


def test_an_error_of_our_own_is_written_down_and_confirms_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("what stood in the file")

    monkeypatch.setattr(module, "judge", broken)
    with capture_logs() as logs:
        report = ask_nobody(desk, desk.seal())
    assert report.verdict is Verdict.CANNOT_CONFIRM
    (entry,) = logs
    assert entry["event"] == "judging_failed"
    assert entry["place"].startswith("RuntimeError < test_verifier.py:")
    assert "stood" not in str(entry)


def test_a_machine_without_sm2_says_nothing_about_a_file(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacking(*_: object) -> None:
        raise BackendUnavailableError("no SM2 here")

    monkeypatch.setattr("signing.eseal_checks.verify_digest", lacking)
    with pytest.raises(BackendUnavailableError):
        ask_nobody(desk, desk.seal())


# The real sandbox


def test_the_operator_bounds_the_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIFY_AT_ONCE", "2")
    monkeypatch.setenv("VERIFY_SYSCALL_FILTER", "false")
    assert VerificationSettings().limits() == Limits(at_once=2, syscall_filter=False)


def test_the_sandbox_finds_what_this_process_finds(desk: Desk) -> None:
    sealed = desk.seal()
    files = [
        sealed,
        desk.sign(),
        desk.seal(draw(None)),
        desk.certificate(),
        desk.certificate() + b"\n\n",
        sealed + b"\n\n",
        sealed.replace(b"00>", b"01>"),
        b"%PDF-1.7",
    ]
    with start_sandbox() as sandbox, capture_logs() as logs:
        try_sandbox(sandbox)
        for file in files:
            assert ask_nobody(desk, file, sandbox) == ask_nobody(desk, file)
    assert logs == []
