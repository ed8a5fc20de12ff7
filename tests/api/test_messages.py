"""Both catalogues say everything that can happen, and the same."""

import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from string import Formatter

import pytest

import api
import certs
import hsm
import idp
import signing
import verify
from api.authorising import REFUSALS as NOT_AUTHORISED
from api.form_words import FAULTS
from api.history_export import COLUMNS as HISTORY_COLUMNS
from api.leaving import OWN_CLAIMS
from api.messages import Language, Messages, messages, preferred_language
from api.pages.leaving import Outcome
from api.pages.signing_in import DOORS, EXPLAINED, OFFICERS_DOORS
from api.problems import STATUS_OF
from api.production import ProductionRefusedError
from api.realm_site import NoRealmError
from certs.approval_requests import RequestState
from certs.draft_entries import DraftState
from certs.errors import CertsError
from certs.lifecycle import LegalKind, Status
from hsm.errors import CustodyError
from idp.counter_acts import CounterAct
from idp.documents import DocumentFault
from idp.errors import DamagedIdentityError, IdentityError, InvalidPortalError
from idp.faults import ServerFault
from idp.history import Means
from idp.levels import AuthenticationLevel, IdentityLevel
from idp.mandates import Act, Grounds, Standing
from idp.names import NameFault
from idp.officers import Post
from idp.org_import import ChangeKind
from idp.persons import LevelMeans
from idp.portal_faults import PortalFaultKind
from idp.portals import PortalClaim
from idp.second_factors import SECOND_FACTORS
from signing.errors import SigningError
from verify.errors import VerifyError
from verify.policy import POLICIES
from verify.report import ReasonCode, Revocation, Step, TimeSource, Verdict
from verify.sources import CertificateStatus

ALL_DOORS = OFFICERS_DOORS + DOORS
CHINESE, ENGLISH = messages(Language.CHINESE), messages(Language.ENGLISH)
BASES = (SigningError, CustodyError, CertsError, IdentityError, VerifyError)
# What the page of mandates and the page of identity levels say besides.
MANDATE_FAULTS = {
    "invalid_matter",
    "no_day",
    "until_missing",
    "until_before_since",
    "until_past",
    "since_past",
    "period_too_long",
    "beyond_own",
    "handed_on_once",
    "same_person",
    "data_differ",
    "switched",
    "base_unavailable",
    "too_many_tries",
}
# Faults that tests of their own walk, and parts of pages that loops go through.
OF_AUTHORISATIONS = tuple(
    f"page.authorisations.{part}." for part in ("column", "done", "fault", "states")
)
OF_COUNTERS = ("org.fault.", "counter.fault.", "page.counter.done.", "page.counter.acts.")
KEY = re.compile(r"""(?<![.\w])(?:t|text|terminal_messages\(\))\(f?["']([a-z_.A-Z]+)["'][,)]""")


def leaves(entries: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, entry in entries.items():
        if isinstance(entry, Mapping):
            yield from leaves(entry, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", str(entry)


def subclasses(base: type[Exception]) -> Iterator[type[Exception]]:
    for kind in base.__subclasses__():
        yield kind
        yield from subclasses(kind)


def error_codes() -> set[str]:
    for package in (certs, hsm, idp, signing, verify):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    classes = chain.from_iterable(subclasses(base) for base in BASES)
    return {str(vars(kind)["code"]) for kind in classes if "code" in vars(kind)}


def wanted_of_the_desk() -> set[str]:
    """Return the keys that pages of drafts make from states, faults and names of fields."""
    fields = ("holders", "type", "number", "name", "issued_on", "valid_from", "valid_to")
    return {
        *(f"draft_state.{state}" for state in DraftState),
        *(f"page.desk.group.{state}" for state in DraftState),
        *(f"page.sealing.state.{state}" for state in RequestState),
        *(f"form.fault.{code}" for code in (*FAULTS, "whole_number", "other")),
        *(f"form.field.{field}" for field in fields),
        *(f"form.hint.{field}" for field in ("issued_on", "valid_from", "valid_to")),
    }


def wanted() -> set[str]:
    """Return every key that is made from a code at run time."""
    return wanted_of_the_desk() | {
        *(f"problem.{code}" for code in error_codes() | set(STATUS_OF)),
        f"problem.{ProductionRefusedError.code}",
        f"problem.{NoRealmError.code}",
        *(f"reason.{code}.{part}" for code in ReasonCode for part in ("why", "next")),
        *(f"verdict.{verdict}" for verdict in Verdict),
        *(f"status.{status}" for status in {*map(str, Status), *map(str, CertificateStatus)}),
        *(f"legal_kind.{kind}" for kind in LegalKind),
        *(f"check.{step}" for step in Step),
        *(f"time_source.{source}" for source in TimeSource),
        *(f"revocation.{revocation}" for revocation in Revocation),
        *(f"policy.{policy}" for policy in POLICIES),
        *(f"post.{post}" for post in Post),
        *(f"page.authorisations.why.{code}" for code in NOT_AUTHORISED),
        *(f"page.authorisations.{field}" for field in ("since", "until")),
        *(f"org.change.{kind}" for kind in ChangeKind),
        *(f"counter.act.{act}" for act in CounterAct),
        *(f"counter.factor.{kind}" for kind in SECOND_FACTORS),
        *(f"identity_level.{level.claim}" for level in IdentityLevel),
        *(f"authentication_level.{level.acr}" for level in AuthenticationLevel),
        *(f"claim.{word}" for word in {*PortalClaim, *OWN_CLAIMS, "pseudonym"}),
        *(f"page.refused.why.{why}" for why in {*EXPLAINED, "unknown_attempt", "other"}),
        *(f"page.me.{door}.{what}" for door in ("door", "door_how") for _, what in ALL_DOORS),
        *(f"problem.{kind.code}" for kind in (InvalidPortalError, DamagedIdentityError)),
        *(f"page.identity_too_low.how_to.{level.claim}" for level in IdentityLevel),
        *(f"grounds.{grounds}" for grounds in Grounds),
        *(f"standing.{standing}" for standing in Standing),
        *(f"level_means.{means}" for means in LevelMeans),
        *(f"person_fault.{fault}" for fault in {*NameFault, *DocumentFault, *MANDATE_FAULTS}),
        *(f"page.mandates.act.{act}" for act in Act if act is not Act.END),
        *(f"page.mandate_new.{field}" for field in ("since", "until")),
        *(f"means.{means}" for means in Means),
        *(f"page.history.column.{column}" for column in HISTORY_COLUMNS),
        *(f"server_fault.{fault}" for fault in ServerFault),
        *(f"portal_fault.{kind}" for kind in PortalFaultKind),
        *(f"page.left.outcome.{outcome}" for outcome in Outcome),
        *(f"page.left.why.{outcome}" for outcome in Outcome if outcome is not Outcome.LEFT),
    }


def test_the_catalogues_have_the_same_keys() -> None:
    assert set(dict(leaves(CHINESE.entries))) == set(dict(leaves(ENGLISH.entries)))


def test_the_same_values_are_filled_in() -> None:
    def places(text: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    english = dict(leaves(ENGLISH.entries))
    for key, text in leaves(CHINESE.entries):
        assert places(text) == places(english[key]), key


@pytest.mark.parametrize("text", [CHINESE, ENGLISH], ids=lambda text: text.language)
def test_every_code_has_a_message(text: Messages) -> None:
    said = dict(leaves(text.entries))
    assert wanted() - set(said) == set()
    assert [key for key, words in said.items() if not words.strip()] == []


def test_there_are_error_codes_of_every_package() -> None:
    """The test above would be worth nothing if no class were found."""
    assert {"already_issued", "ledger_broken", "document_changed", "too_many"} <= error_codes()


def test_every_key_in_code_and_templates_is_there() -> None:
    said = set(dict(leaves(CHINESE.entries)))
    root = Path(api.__path__[0])
    used = {
        key
        for path in chain(root.rglob("*.py"), root.rglob("*.html"))
        for key in KEY.findall(path.read_text(encoding="utf-8"))
        if not key.endswith(".")
    }
    assert len(used) > 50
    assert used - said == set()


def test_no_message_is_left_over() -> None:
    root = Path(api.__path__[0])
    files = chain(root.rglob("*.py"), root.rglob("*.html"), (root.parent / "demo").glob("*.py"))
    sources = "".join(path.read_text(encoding="utf-8") for path in files)
    made = wanted()
    tables = ("command.column.", "demo.column.", "demo.role.")
    prefixes = ("field.", "page.docs.routes.", *tables, *OF_COUNTERS, *OF_AUTHORISATIONS)
    left_over = {
        key
        for key, _ in leaves(CHINESE.entries)
        if key not in made and not key.startswith(prefixes) and key not in sources
    }
    assert left_over - {"problem.unreadable", "problem.unwritable"} == set()


def test_a_key_that_is_not_there_is_a_fault() -> None:
    for key in ("nothing", "page", "page.nothing", "reason.ok"):
        with pytest.raises(KeyError):
            CHINESE(key)


def test_values_are_filled_in() -> None:
    assert ENGLISH("page.certificate.from_to", since="a", until="b") == "a to b"


@pytest.mark.parametrize(
    ("accept_language", "language"),
    [
        (None, Language.CHINESE),
        ("", Language.CHINESE),
        ("en", Language.ENGLISH),
        ("EN-us,zh;q=0.5", Language.ENGLISH),
        ("zh-Hant-TW,en", Language.CHINESE),
        ("fr-FR,fr;q=0.9,en;q=0.8", Language.ENGLISH),
        ("fr", Language.CHINESE),
        (";;,,q=", Language.CHINESE),
    ],
)
def test_the_first_of_our_languages_is_taken(
    accept_language: str | None, language: Language
) -> None:
    assert preferred_language(accept_language) is language
