"""Logs are JSON on standard error, and quote nobody."""

import json
import logging

import pytest
import structlog

from api.logs import configure_logs

NAME = "陈示例"


def test_an_event_of_ours_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs()
    structlog.get_logger("test").info("happened", number=1)
    structlog.get_logger("test").debug("not shown")
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    event = json.loads(line)
    assert (event["event"], event["number"], event["level"]) == ("happened", 1, "info")
    assert event["timestamp"].endswith("Z")
    assert out == ""


def test_a_library_says_where_never_what(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs()
    try:
        int(NAME)
    except ValueError:
        logging.getLogger("library").exception("cannot read %s", NAME)
    err = capsys.readouterr().err
    assert "library" in err
    assert "test_logs.py" in err
    assert "ValueError" in err
    assert NAME not in err
