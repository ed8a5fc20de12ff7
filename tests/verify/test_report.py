"""The report says one thing only: whatever the reasons are, everything follows from them."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.policy import OFFICE, SEAL_ONLY
from verify.report import (
    OUTCOMES,
    Check,
    Depth,
    Indication,
    ReasonCode,
    SignatureConclusion,
    Step,
    TimeSource,
    Verdict,
    VerificationReport,
    rank,
)
from verify.summary import CertificateSummary

AT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def conclusion(*checks: Check) -> SignatureConclusion:
    return SignatureConclusion(
        kind="ses",
        signer="青禾区市场监督管理局",
        signer_uscc="11999901MB00000000",
        signed_at=AT,
        time_source=TimeSource.SIGNER,
        covers_whole_file=True,
        checks=checks,
        diagnostic={"digest": "00"},
    )


def report(
    *checks: Check,
    file_reasons: tuple[ReasonCode, ...] = (),
    certificate: CertificateSummary | None = None,
) -> VerificationReport:
    return VerificationReport(
        id="r-1",
        policy=OFFICE,
        checked_at=AT,
        status_as_of=None,
        file_reasons=file_reasons,
        signatures=(conclusion(*checks),) if checks else (),
        certificate=certificate,
    )


def test_every_reason_has_exactly_one_row() -> None:
    assert set(OUTCOMES) == set(ReasonCode)


ROWS = """
ok                   0 TOTAL-PASSED  -                          valid          0
status_not_asked     7 TOTAL-PASSED  -                          genuine        0
malformed_document   0 INDETERMINATE FORMAT_FAILURE             cannot_confirm 2
no_signature         1 INDETERMINATE SIGNED_DATA_NOT_FOUND      cannot_confirm 2
bytes_not_covered    1 TOTAL-FAILED  FORMAT_FAILURE             invalid        1
document_changed     2 TOTAL-FAILED  HASH_FAILURE               invalid        1
signature_wrong      3 TOTAL-FAILED  SIG_CRYPTO_FAILURE         invalid        1
signer_not_in_seal   4 INDETERMINATE SIG_CONSTRAINTS_FAILURE    invalid        1
content_swapped      4 TOTAL-FAILED  FORMAT_FAILURE             invalid        1
unknown_anchor       5 INDETERMINATE NO_CERTIFICATE_CHAIN_FOUND cannot_confirm 2
time_not_proven      5 INDETERMINATE OUT_OF_BOUNDS_NO_POE       cannot_confirm 2
changed_later        6 TOTAL-PASSED  -                          changed_later  2
not_in_register      7 INDETERMINATE SIG_CONSTRAINTS_FAILURE    invalid        1
certificate_revoked  7 TOTAL-FAILED  -                          not_in_force   1
holder_state_changed 7 TOTAL-PASSED  -                          cannot_confirm 2
copy_outside_purpose 7 TOTAL-PASSED  -                          not_in_force   1
"""


@pytest.mark.parametrize("row", ROWS.strip().splitlines(), ids=lambda row: row.split()[0])
def test_rows_say_what_the_table_of_outcomes_says(row: str) -> None:
    code, check, indication, sub_indication, verdict, exit_status = row.split()
    judged = report(file_reasons=(ReasonCode(code),))
    assert OUTCOMES[ReasonCode(code)].check == int(check)
    assert judged.indication == Indication(indication)
    assert (judged.sub_indication or "-") == sub_indication
    assert judged.verdict == Verdict(verdict)
    assert judged.exit_status == int(exit_status)


def test_the_worst_verdict_wins_and_all_reasons_are_listed() -> None:
    judged = report(
        Check(Step.SIGNER_PATH, ReasonCode.UNKNOWN_ANCHOR),
        Check(Step.REGISTER, ReasonCode.CERTIFICATE_REVOKED),
        Check(Step.DIGEST, ReasonCode.DOCUMENT_CHANGED),
        Check(Step.SEAL_MAKER_SIGNATURE, ReasonCode.SEAL_FORGED),
    )
    assert judged.verdict is Verdict.INVALID
    assert judged.reason_code is ReasonCode.DOCUMENT_CHANGED
    assert judged.reason_codes == (
        ReasonCode.DOCUMENT_CHANGED,
        ReasonCode.SEAL_FORGED,
        ReasonCode.CERTIFICATE_REVOKED,
        ReasonCode.UNKNOWN_ANCHOR,
    )


@given(st.lists(st.sampled_from(ReasonCode)))
def test_no_reason_makes_a_verdict_better(reasons: list[ReasonCode]) -> None:
    worst = min((OUTCOMES[r].verdict.severity for r in reasons), default=Verdict.VALID.severity)
    ranked = rank(reasons)
    assert OUTCOMES[ranked[0]].verdict.severity == worst
    assert set(ranked) >= set(reasons) - {ReasonCode.OK}
    assert len(ranked) == len(set(ranked))
    same = [r for r in ranked if OUTCOMES[r].verdict.severity == worst]
    assert OUTCOMES[ranked[0]].check == min(OUTCOMES[r].check for r in same)


def test_a_report_about_nothing_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="needs a signature"):
        report()


def test_the_json_object_has_the_keys_of_the_interface() -> None:
    answer = report(Check(Step.BYTE_COVERAGE)).as_dict()
    assert list(answer) == [
        "id",
        "indication",
        "sub_indication",
        "reason_code",
        "reason_codes",
        "verdict",
        "checked_at",
        "status_as_of",
        "policy",
        "policy_sm3",
        "signatures",
        "certificate",
    ]
    assert answer["policy"] == "office"
    assert answer["checked_at"] == "2026-11-24T09:00:00Z"
    assert answer["certificate"] is None
    assert answer["reason_codes"] == ["ok"]
    (signature,) = answer["signatures"]
    assert signature["checks"] == [
        {
            "number": 1,
            "name": "byte_coverage",
            "indication": "TOTAL-PASSED",
            "reason_code": "ok",
        }
    ]


def test_the_simple_report_keeps_every_failing_reason_and_the_diagnostic_one_adds_facts() -> None:
    judged = report(Check(Step.BYTE_COVERAGE), Check(Step.DIGEST, ReasonCode.DOCUMENT_CHANGED))
    simple, detailed, diagnostic = (judged.as_dict(depth) for depth in Depth)
    assert simple["reason_codes"] == detailed["reason_codes"] == ["document_changed"]
    assert [c["name"] for c in simple["signatures"][0]["checks"]] == ["digest"]
    assert len(detailed["signatures"][0]["checks"]) == 2
    assert "diagnostic" not in detailed["signatures"][0]
    assert diagnostic["signatures"][0]["diagnostic"] == {"digest": "00"}


def test_masked_fields_stand_beside_the_fixed_ones_and_never_replace_them() -> None:
    summary = CertificateSummary(
        number="JY1",
        type_name="食品经营许可证",
        authority_name="青禾区市场监督管理局",
        authority_uscc="11999901MB00000000",
        status="revoked",
        masked={"operator": "青禾*", "status": "valid"},
    )
    answer = report(Check(Step.BYTE_COVERAGE), certificate=summary).as_dict()["certificate"]
    assert answer["operator"] == "青禾*"
    assert answer["status"] == "revoked"


def test_policies_differ_in_name_and_digest() -> None:
    assert re.fullmatch("[0-9a-f]{64}", OFFICE.sm3)
    assert OFFICE.sm3 != SEAL_ONLY.sm3
