"""Every forgery is found for what it is, and what is genuine stays genuine."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

import pytest
from forgeries.catalogue import FORGERIES
from forgeries.forgery import Attacker, Forgery
from forgeries.later_changes import with_validation_data
from forgeries.scene import Scene

from verify.errors import SourceUnavailableError
from verify.policy import OFFICE, SEAL_ONLY
from verify.report import OUTCOMES, ReasonCode, Verdict
from verify.sandbox import Sandbox
from verify.sources import RegisteredStatus

SHOWN_BY_GENUINE_FILES = {
    ReasonCode.OK,
    ReasonCode.STATUS_NOT_ASKED,
    ReasonCode.REGISTER_UNREACHABLE,
}
OUT_OF_REACH = {
    ReasonCode.SIGNER_REVOKED: "nothing is fetched, so nobody tells of revocation",
    ReasonCode.CERTIFICATE_SUSPENDED: "the register knows no suspension yet",
    ReasonCode.CERTIFICATE_SUPERSEDED: "the register knows no second versions yet",
    ReasonCode.CERTIFICATE_CANCELLED: "the register calls every ground a revocation",
    ReasonCode.HOLDER_STATE_CHANGED: "no base tells of holders yet",
    ReasonCode.COPY_OUTSIDE_PURPOSE: "there are no purpose-bound copies yet",
}
REGISTER = 7


def assert_genuine_files_pass(scene: Scene, sandbox: Sandbox) -> None:
    for genuine in (scene.licence, scene.another, scene.card):
        for place in (None, sandbox):
            assert scene.verify(genuine.data, OFFICE, sandbox=place).verdict is Verdict.VALID
            assert scene.verify(genuine.data, SEAL_ONLY, sandbox=place).verdict is Verdict.GENUINE


def test_genuine_files_pass_before(scene: Scene, sandbox: Sandbox) -> None:
    assert_genuine_files_pass(scene, sandbox)


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda forgery: forgery.name)
def test_a_forgery_is_found(scene: Scene, sandbox: Sandbox, forgery: Forgery) -> None:
    forged = forgery.build(scene)
    assert scene.verify(forged, OFFICE, sandbox=sandbox).reason_codes == forgery.reasons
    if forgery.harms_its_reader:
        return
    assert scene.verify(forged, OFFICE).reason_codes == forgery.reasons
    # Without the register everything is still found that the file alone gives away.
    alone = [reason for reason in forgery.reasons if OUTCOMES[reason].check != REGISTER]
    expected = alone[0] if alone else ReasonCode.STATUS_NOT_ASKED
    assert scene.verify(forged, SEAL_ONLY).reason_code is expected


def test_genuine_files_pass_after(scene: Scene, sandbox: Sandbox) -> None:
    assert_genuine_files_pass(scene, sandbox)


def test_validation_data_may_come_later(scene: Scene) -> None:
    extended = with_validation_data(scene)
    assert scene.verify(extended, OFFICE).verdict is Verdict.VALID
    assert scene.verify(extended, SEAL_ONLY).verdict is Verdict.GENUINE


def test_a_register_that_is_not_reached_confirms_nothing(scene: Scene) -> None:
    report = scene.verify(scene.licence.data, OFFICE, source=UnreachableRegister())
    assert report.reason_codes == (ReasonCode.REGISTER_UNREACHABLE,)


@dataclass(frozen=True)
class UnreachableRegister:
    """A register behind a broken line."""

    def keeps(self, authority_uscc: str) -> bool:
        raise SourceUnavailableError

    def find(self, number: str, authority_uscc: str, *, at: datetime) -> RegisteredStatus | None:
        raise SourceUnavailableError


def test_each_row_of_the_table_in_reach_has_a_forgery() -> None:
    shown = {reason for forgery in FORGERIES for reason in forgery.reasons}
    assert not shown & OUT_OF_REACH.keys()
    assert shown | SHOWN_BY_GENUINE_FILES | OUT_OF_REACH.keys() == set(ReasonCode)


def test_no_two_share_the_changed_part_and_the_reason() -> None:
    pairs = Counter((forgery.changes, forgery.reason) for forgery in FORGERIES)
    names = Counter(forgery.name for forgery in FORGERIES)
    assert [pair for pair, times in pairs.items() if times > 1] == []
    assert [name for name, times in names.items() if times > 1] == []


def test_many_are_sealed_with_good_keys_in_the_wrong_hand() -> None:
    outside = {Attacker.STRANGER, Attacker.OFFICE}
    assert sum(forgery.attacker not in outside for forgery in FORGERIES) >= 10


def test_each_says_in_a_sentence_how_it_cheats() -> None:
    for forgery in FORGERIES:
        assert forgery.cheat.endswith("."), forgery.name
        assert "\n\n" not in forgery.cheat
