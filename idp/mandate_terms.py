"""What is wrong with the terms that somebody wants a mandate to have."""

from datetime import datetime, timedelta

from idp.errors import MandateFault, MatterNotCoveredError
from idp.mandates import Grounds, Mandate, Terms

LATE_BEGINNING = timedelta(days=1)
"""A mandate may begin on the day it is granted, whatever the hour."""


def faults_of_terms(terms: Terms, grounds: Grounds, at: datetime) -> list[MandateFault]:
    """Return every fault of the period."""
    since, until, longest = terms.since, terms.until, grounds.longest
    if until is None or longest is None:
        return [MandateFault("until", "until_missing")]
    faults = []
    if since < at - LATE_BEGINNING:
        faults.append(MandateFault("since", "since_past"))
    if until <= since:
        faults.append(MandateFault("until", "until_before_since"))
    elif until <= at:
        faults.append(MandateFault("until", "until_past"))
    if until - since > longest:
        faults.append(MandateFault("until", "period_too_long"))
    return faults


def faults_of_handing_on(terms: Terms, under: Mandate) -> list[MandateFault]:
    """Return where the terms go beyond the mandate that they are to be granted under."""
    faults = []
    if terms.transferable:
        faults.append(MandateFault("transferable", "handed_on_once"))
    try:
        terms.matters.verify_within(under.matters)
    except MatterNotCoveredError:
        faults.append(MandateFault("matters", "beyond_own"))
    if under.until is not None and (terms.until is None or terms.until > under.until):
        faults.append(MandateFault("until", "beyond_own"))
    return faults
