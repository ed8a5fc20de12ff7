"""Templates: a name nobody gave is a fault, and moments are read as people in China read them."""

from datetime import UTC, datetime

import jinja2
import pytest

from api.rendering import _environment, format_moment


def rendered(template: str, **context: object) -> str:
    return _environment().from_string(template).render(**context)


@pytest.mark.parametrize(
    "template", ["{{ nobody }}", "{% if nobody %}{% endif %}", "{{ nobody.member }}", "{{ f() }}"]
)
def test_an_undefined_name_is_a_fault(template: str) -> None:
    with pytest.raises(jinja2.UndefinedError):
        rendered(template)


def test_a_member_that_is_not_there_is_empty() -> None:
    """The components ask for every option they know."""
    assert rendered("[{{ given.missing }}{% if given.missing %}x{% endif %}]", given={}) == "[]"


def test_what_is_filled_in_is_escaped() -> None:
    assert rendered("{{ text }}", text='<script>"&') == "&lt;script&gt;&#34;&amp;"


def test_a_moment_is_shown_in_chinas_time() -> None:
    moment = datetime(2026, 12, 31, 16, 0, 1, 999999, tzinfo=UTC)
    assert format_moment(moment) == "2027-01-01 00:00:01 UTC+8"
    assert format_moment(None) == "—"
