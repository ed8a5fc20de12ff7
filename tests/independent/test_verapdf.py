"""veraPDF judges PDF/A-3b: what is drawn, and what is sealed."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from independent.jvm import run_java
from independent.published import Published

from signing.pdf.extract import read_signed_pdf
from signing.pdf.placement import SignatureForm
from signing.pdf.signatures import EmbeddedSignature

pytestmark = pytest.mark.real

LONGEST_STRING = 32_767
NOT_PKCS7 = {"6.4.3-2", "6.4.3-3"}
"""The rules that no SES_Signature can keep: /Contents has to be PKCS#7 with one signer."""


@pytest.fixture(scope="module")
def failed_rules(published: Published) -> Mapping[Path, set[str]]:
    """Return the rules that each file breaks, as veraPDF counts them."""
    paths = [path for issued in published.files.values() for path in (issued.drawn, issued.path)]
    options = ("-f", "3b", "--format", "json")
    report = json.loads(run_java("org.verapdf.apps.GreenfieldCliWrapper", *options, *paths))
    return {
        Path(job["itemDetails"]["name"]): {
            f"{rule['clause']}-{rule['testNumber']}"
            for result in job["validationResult"]
            for rule in result["details"]["ruleSummaries"]
        }
        for job in report["report"]["jobs"]
    }


@pytest.mark.parametrize("form", list(SignatureForm))
def test_what_is_drawn_is_pdf_a(
    published: Published, failed_rules: Mapping[Path, set[str]], form: SignatureForm
) -> None:
    assert failed_rules[published.files[form].drawn] == set()


def test_a_pades_file_stays_pdf_a(
    published: Published, failed_rules: Mapping[Path, set[str]]
) -> None:
    assert failed_rules[published.files[SignatureForm.PADES].path] == set()


def test_a_ses_file_breaks_the_two_rules_it_must(
    published: Published, failed_rules: Mapping[Path, set[str]]
) -> None:
    assert failed_rules[published.files[SignatureForm.SES].path] == NOT_PKCS7


def test_a_seal_signature_is_a_string_of_pdf_a(published: Published) -> None:
    """Rule 6.1.13-3 allows 32,767 octets; veraPDF counts fewer than there are, so we count too."""
    sealed = published.files[SignatureForm.SES].path.read_bytes()
    (embedded,) = read_signed_pdf(sealed).signatures
    assert isinstance(embedded, EmbeddedSignature)
    start, end = embedded.byte_range.gap
    assert (end - start - 2) / 2 <= LONGEST_STRING
