"""The runner of periodic functions: each in turn, in one thread, whatever one of them does."""

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from api.logs import configure_logs
from api.periodic import Job, Periodic
from idp.errors import ProviderUnavailableError
from idp.faults import ProviderFault

AT = datetime(2026, 11, 24, 4, tzinfo=UTC)
OFTEN, NEVER_AGAIN = timedelta(milliseconds=1), timedelta(days=1)
PATIENCE = 20


def clock() -> datetime:
    return AT


class Counted:
    """A job that can be waited for."""

    def __init__(self, then: Callable[[int], object] = int) -> None:
        """Call `then` with the number of each run."""
        self.runs: list[tuple[datetime, str]] = []
        self._then = then
        self._ran = threading.Condition()

    def __call__(self, at: datetime) -> None:
        with self._ran:
            self.runs.append((at, threading.current_thread().name))
            self._ran.notify_all()
            run = len(self.runs)
        self._then(run)

    def wait_for(self, runs: int) -> None:
        with self._ran:
            assert self._ran.wait_for(lambda: len(self.runs) >= runs, PATIENCE)


def test_each_job_runs_at_once_and_again_with_the_time() -> None:
    often, seldom = Counted(), Counted()
    jobs = [Job("often", OFTEN, often), Job("seldom", NEVER_AGAIN, seldom)]
    with Periodic(jobs, clock=clock):
        often.wait_for(5)
        seldom.wait_for(1)
    assert len(seldom.runs) == 1
    assert {at for at, _ in often.runs + seldom.runs} == {AT}
    assert {name for _, name in often.runs + seldom.runs} == {"periodic"}, "one thread"


def test_nothing_runs_after_stop() -> None:
    often = Counted()
    periodic = Periodic([Job("often", OFTEN, often)], clock=clock)
    periodic.start()
    often.wait_for(2)
    periodic.stop()
    assert "periodic" not in {thread.name for thread in threading.enumerate()}


def test_stop_waits_for_the_job_under_way() -> None:
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def slow(_: int) -> None:
        begun.set()
        assert may_end.wait(PATIENCE)
        ended.set()

    periodic = Periodic([Job("slow", OFTEN, Counted(slow))], clock=clock)
    periodic.start()
    assert begun.wait(PATIENCE)
    stopping = threading.Thread(target=periodic.stop)
    stopping.start()
    assert stopping.is_alive()
    may_end.set()
    stopping.join(PATIENCE)
    assert ended.is_set()
    assert not stopping.is_alive()


def test_a_failing_job_is_logged_once_and_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs()

    def fails_four_times(run: int) -> None:
        if run <= 4:
            raise LookupError("李建国 110101199003074477")

    failing, other = Counted(fails_four_times), Counted()
    with Periodic([Job("failing", OFTEN, failing), Job("other", OFTEN, other)], clock=clock):
        failing.wait_for(6)
        other.wait_for(2)
    told = capsys.readouterr().err
    lines = [json.loads(line) for line in told.splitlines()]
    assert [(line["event"], line["job"]) for line in lines] == [
        ("job_failed", "failing"),
        ("job_recovered", "failing"),
    ]
    assert lines[0]["error"] == "LookupError"
    assert any("test_periodic.py" in place for place in lines[0]["at"])
    assert "李建国" not in told
    assert "1101" not in told


def test_a_counterpart_that_starts_later_is_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs()

    def starts_late(run: int) -> None:
        if run <= 3:
            raise ProviderUnavailableError(ProviderFault.UNREACHABLE)

    late = Counted(starts_late)
    with Periodic([Job("late", OFTEN, late)], clock=clock):
        late.wait_for(5)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    told = [(line["event"], line["level"], line["job"]) for line in lines]
    assert told == [("job_waits", "warning", "late"), ("job_recovered", "info", "late")]
    assert lines[0]["code"] == "provider_unavailable"


def test_another_failure_is_another_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs()

    def fails_in_two_ways(run: int) -> None:
        raise LookupError if run < 3 else OSError

    failing = Counted(fails_in_two_ways)
    with Periodic([Job("failing", OFTEN, failing)], clock=clock):
        failing.wait_for(5)
    errors = [json.loads(line)["error"] for line in capsys.readouterr().err.splitlines()]
    assert errors == ["LookupError", "OSError"]


@pytest.mark.parametrize("names", [[], ["a", "a"]])
def test_it_needs_jobs_of_different_names(names: list[str]) -> None:
    with pytest.raises(ValueError, match="no job, or two of one name"):
        Periodic([Job(name, OFTEN, Counted()) for name in names], clock=clock)


def test_a_job_that_hangs_does_not_hold_up_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("api.periodic.SECONDS_TO_STOP", 0.01)
    configure_logs()
    begun, may_end = threading.Event(), threading.Event()

    def hang(_: int) -> None:
        begun.set()
        may_end.wait(PATIENCE)

    periodic = Periodic([Job("hanging", NEVER_AGAIN, Counted(hang))], clock=clock)
    periodic.start()
    assert begun.wait(PATIENCE)
    periodic.stop()
    assert "job_does_not_end" in capsys.readouterr().err
    may_end.set()
