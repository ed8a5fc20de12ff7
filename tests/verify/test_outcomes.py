"""Every row of the table of outcomes that can occur, each by a file that gives rise to it."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from simulators import pdf_files
from simulators.pki import AT, NOT_AFTER, OTHER_UNIT_NAME, UNIT_NAME, Pki
from simulators.seals import PICTURE, SEAL_NAME
from simulators.signed_files import Desk, KeptRegister, draw

from signing import der
from signing.canonical import sm3
from signing.errors import MalformedSealError
from signing.eseal import SM2_SM3, ESeal
from signing.pdf.placement import SignatureForm
from signing.x509 import ExtensionId
from signing.x509_build import Profile, encode_extension
from verify.policy import OFFICE, TrustAnchors
from verify.report import ReasonCode, VerificationReport
from verify.sources import CertificateStatus
from verify.verifier import Verifier

NOW = AT + timedelta(days=1)
LATER_THAN_ALL = NOT_AFTER + timedelta(days=1)
R = ReasonCode

# These need what is not built yet: fetched revocation, bases of holders, purpose-bound copies.
OUT_OF_REACH = {R.SIGNER_REVOKED, R.HOLDER_STATE_CHANGED, R.COPY_OUTSIDE_PURPOSE}


@dataclass(frozen=True)
class Case:
    """A file, and the world in which it is judged."""

    file: bytes
    register: KeptRegister
    at: datetime = NOW
    anchors: TrustAnchors | None = None


Build = Callable[[Desk], Case]
CASES: dict[str, tuple[Build, tuple[ReasonCode, ...]]] = {}


def case(*reasons: ReasonCode) -> Callable[[Build], Build]:
    """Enter a case and all reasons its report gives under the policy `office`."""

    def enter(build: Build) -> Build:
        CASES[build.__name__] = build, reasons
        return build

    return enter


def registered(desk: Desk, file: bytes, **changes: object) -> Case:
    return Case(file, KeptRegister.of(desk, file, **changes))


def unregistered(_: Desk, file: bytes) -> Case:
    """Under the policy `office` with a register that has other things to keep."""
    return Case(file, KeptRegister(frozenset()))


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk.create()


def verify(desk: Desk, judged: Case) -> VerificationReport:
    verifier = Verifier(
        policy=OFFICE,
        anchors=judged.anchors or desk.anchors,
        status_source=judged.register,
        sandbox=None,
    )
    return verifier.verify(judged.file, at=judged.at, report_id="r-1")


@case(R.OK)
def genuine_ses(desk: Desk) -> Case:
    return registered(desk, desk.seal())


@case(R.OK)
def genuine_cms(desk: Desk) -> Case:
    return registered(desk, desk.sign())


@case(R.OK)
def validation_data_added(desk: Desk) -> Case:
    sealed = desk.seal()
    root = pdf_files.root_number(sealed)
    catalog = pdf_files.object_source(sealed, root)[:-2] + b"/DSS<<>>>>"
    grown = pdf_files.add_revision(sealed, {root: catalog})
    return Case(grown, KeptRegister.of(desk, sealed))


# The file as a whole, and check 1


@case(R.MALFORMED_DOCUMENT)
def cut_file(desk: Desk) -> Case:
    return unregistered(desk, desk.seal()[:-40])


@case(R.NO_SIGNATURE)
def drawing_without_seal(desk: Desk) -> Case:
    return unregistered(desk, desk.certificate())


@case(R.NO_SIGNATURE)
def foreign_pdf_without_signature(desk: Desk) -> Case:
    return unregistered(desk, desk.certificate() + b"\n\n")


@case(R.BYTES_NOT_COVERED)
def octets_after_the_end(desk: Desk) -> Case:
    return unregistered(desk, desk.seal() + b"and so on")


@case(R.MALFORMED_DOCUMENT)
def octets_after_the_end_of_something_broken(desk: Desk) -> Case:
    return unregistered(desk, desk.seal().replace(b"endobj", b"endobi", 1) + b"and so on")


@case(R.UNSUPPORTED_SIGNATURE)
def ofd(desk: Desk) -> Case:
    return unregistered(desk, b"PK\x03\x04" + bytes(26) + b"OFD.xml")


@case(R.UNSUPPORTED_SIGNATURE)
def signature_of_another_kind(desk: Desk) -> Case:
    letter = pdf_files.add_signature(draw(None), subfilter=b"adbe.pkcs7.sha1")
    return unregistered(desk, letter)


@case(R.UNSUPPORTED_SIGNATURE)
def contents_of_another_kind(desk: Desk) -> Case:
    return unregistered(desk, pdf_files.add_signature(draw(None)))


@case(R.UNSUPPORTED_SIGNATURE)
def foreign_seal_drawn_in_another_way(desk: Desk) -> Case:
    letter = pdf_files.add_signature(draw(None), subfilter=b"GM.sm2seal", contents=b"\x30\x00")
    return unregistered(desk, letter)


@case(R.BYTES_NOT_COVERED)
def something_behind_the_signature(desk: Desk) -> Case:
    sealed = desk.seal()
    return unregistered(desk, sealed.replace(b"00>", b"01>"))


# Checks 2 and 3


@case(R.DOCUMENT_CHANGED)
def octet_changed(desk: Desk) -> Case:
    sealed = desk.seal()
    return Case(sealed.replace(b"9 9 9 9 re", b"9 9 9 8 re"), KeptRegister.of(desk, sealed))


@case(R.DOCUMENT_CHANGED)
def range_named_otherwise(desk: Desk) -> Case:
    return unregistered(desk, desk.seal(property_info="[0 1 2 3]"))


@case(R.SIGNATURE_WRONG)
def value_changed(desk: Desk) -> Case:
    prepared = desk.prepare()
    right, other = (
        desk.office.apply(
            data_digest=prepared.digest,
            property_info=prepared.property_info,
            signed_at=AT + timedelta(seconds=number),
        )
        for number in range(2)
    )
    parts = der.Reader(right.der, MalformedSealError).enter()
    unsigned = parts.whole(), parts.whole(der.OCTET_STRING), parts.object_identifier()
    contents = der.sequence(*unsigned, der.bit_string(other.signature_der))
    return registered(desk, prepared.embed(contents).data)


@case(R.UNSUPPORTED_SIGNATURE)
def cms_with_another_algorithm(desk: Desk) -> Case:
    prepared = desk.prepare(form=SignatureForm.PADES, signed_at=AT)
    sm3_oid, sha_oid = (der.object_identifier(f"1.2.156.10197.1.{n}") for n in (401, 410))
    contents = desk.sign_cms(prepared.digest).replace(sm3_oid, sha_oid)
    return unregistered(desk, prepared.embed(contents).data)


@case(R.ALGORITHM_NOT_ALLOWED)
def seal_with_another_algorithm(desk: Desk) -> Case:
    prepared = desk.prepare()
    signature = desk.office.apply(data_digest=prepared.digest)
    other = SM2_SM3[:-1] + b"\x74"
    contents = signature.der[::-1].replace(SM2_SM3[::-1], other[::-1], 1)[::-1]
    return unregistered(desk, prepared.embed(contents).data)


# Check 4


@case(R.SEAL_FORGED, R.NOT_IN_REGISTER)
def seal_in_another_name(desk: Desk) -> Case:
    genuine, other = SEAL_NAME.encode(), SEAL_NAME.replace("青禾", "松汀").encode()
    eseal = ESeal.parse(desk.office.eseal.der.replace(genuine, other, 1))
    return Case(desk.seal(eseal=eseal), KeptRegister.of(desk))


@case(R.SIGNER_NOT_IN_SEAL, R.NOT_IN_REGISTER)
def certificate_renewed_and_the_seal_not(desk: Desk) -> Case:
    renewed = desk.office.pki.issue_unit()
    return Case(desk.seal(signer=renewed), KeptRegister.of(desk))


@case(R.SEAL_NOT_VALID_THEN, R.NOT_IN_REGISTER)
def seal_expired(desk: Desk) -> Case:
    eseal = desk.office.make_seal(valid_to=AT - timedelta(days=1))
    return Case(desk.seal(eseal=eseal), KeptRegister.of(desk))


@case(R.SEAL_NOT_VALID_THEN, R.NOT_IN_REGISTER)
def seal_used_before_it_was_made(desk: Desk) -> Case:
    eseal = desk.office.make_seal(created_at=AT + timedelta(hours=1))
    return Case(desk.seal(eseal=eseal), KeptRegister.of(desk))


@case(R.SIGNER_IS_NOT_THE_AUTHORITY, R.NOT_IN_REGISTER)
def sealed_for_another_authority(desk: Desk) -> Case:
    other = OTHER_UNIT_NAME.uscc
    return Case(desk.seal(desk.certificate(ZZBFJGDM=other)), KeptRegister.of(desk))


@case(R.CONTENT_SWAPPED, R.NOT_IN_REGISTER)
def another_picture_shown(desk: Desk) -> Case:
    picture = replace(PICTURE, colour=(0, 0, 255))
    return Case(desk.seal(picture=picture), KeptRegister.of(desk))


@case(R.CONTENT_SWAPPED, R.NOT_IN_REGISTER)
def another_picture_than_the_data_say(desk: Desk) -> Case:
    return Case(desk.sign(picture=replace(PICTURE, colour=(0, 0, 255))), KeptRegister.of(desk))


@case(R.CONTENT_SWAPPED, R.NOT_IN_REGISTER)
def picture_shown_in_another_size(desk: Desk) -> Case:
    return Case(desk.seal(picture=replace(PICTURE, width_mm=60)), KeptRegister.of(desk))


@case(R.CONTENT_SWAPPED, R.NOT_IN_REGISTER)
def data_of_another_seal(desk: Desk) -> Case:
    return Case(desk.seal(desk.certificate(id="99990100000002")), KeptRegister.of(desk))


@case(R.CONTENT_SWAPPED, R.NOT_IN_REGISTER)
def two_lists_of_attachments(desk: Desk) -> Case:
    drawn = desk.certificate().replace(b"/AF[5 0 R]", b"/AG[5 0 R]")
    return Case(desk.seal(drawn), KeptRegister.of(desk))


@case(R.NOT_IN_REGISTER, R.MALFORMED_DOCUMENT)
def data_that_are_none(desk: Desk) -> Case:
    return Case(desk.seal(draw(b'{"metadata": {}}')), KeptRegister.of(desk))


# Check 5


@case(R.UNKNOWN_ANCHOR)
def signer_nobody_knows(desk: Desk) -> Case:
    return registered(desk, Desk.create().sign())


@case(R.NOT_IN_REGISTER, R.UNKNOWN_ANCHOR)
def seal_maker_nobody_knows(desk: Desk) -> Case:
    eseal = desk.office.make_seal(maker=Pki.create().issue_seal_maker())
    return Case(desk.seal(eseal=eseal), KeptRegister.of(desk))


@case(R.CHAIN_NOT_ALLOWED)
def signer_for_something_else(desk: Desk) -> Case:
    for_seals = desk.office.pki.seal_maker_ca.issue(UNIT_NAME, Profile.SEAL_MAKER)
    return Case(desk.sign(signer=for_seals), KeptRegister.of(desk))


@case(R.CHAIN_NOT_ALLOWED, R.NOT_IN_REGISTER)
def unit_that_makes_seals(desk: Desk) -> Case:
    eseal = desk.office.make_seal(maker=desk.unit)
    return Case(desk.seal(eseal=eseal), KeptRegister.of(desk))


@case(R.CERTIFICATE_NOT_VALID_THEN, R.NOT_IN_REGISTER)
def signed_before_the_certificate(desk: Desk) -> Case:
    unit = desk.office.pki.issue_unit(not_before=AT + timedelta(hours=1))
    return Case(desk.sign(signer=unit), KeptRegister.of(desk))


@case(R.CERTIFICATE_NOT_VALID_THEN)
def registered_after_the_certificate(desk: Desk) -> Case:
    unit = desk.office.pki.issue_unit(not_after=AT + timedelta(hours=1))
    late = AT + timedelta(hours=2)
    return registered(desk, desk.sign(signer=unit), registered_at=late)


@case(R.CERTIFICATE_NOT_VALID_THEN, R.NOT_IN_REGISTER)
def seal_made_by_an_expired_maker(desk: Desk) -> Case:
    maker = desk.office.pki.issue_seal_maker(not_after=AT - timedelta(days=1))
    return Case(desk.seal(eseal=desk.office.make_seal(maker=maker)), KeptRegister.of(desk))


@case(R.TIME_NOT_PROVEN, R.STATUS_NOT_ASKED)
def certificate_expired_since(desk: Desk) -> Case:
    return replace(unregistered(desk, desk.sign()), at=LATER_THAN_ALL)


@case(R.TIME_NOT_PROVEN, R.STATUS_NOT_ASKED)
def seal_expired_since(desk: Desk) -> Case:
    eseal = desk.office.make_seal(valid_to=AT + timedelta(hours=1))
    return unregistered(desk, desk.seal(eseal=eseal))


@case(R.TIME_NOT_PROVEN, R.STATUS_NOT_ASKED)
def seal_maker_expired_since(desk: Desk) -> Case:
    maker = desk.office.pki.issue_seal_maker(not_after=AT + timedelta(hours=1))
    return unregistered(desk, desk.seal(eseal=desk.office.make_seal(maker=maker)))


@case(R.TIME_NOT_PROVEN, R.STATUS_NOT_ASKED)
def signed_tomorrow(desk: Desk) -> Case:
    return unregistered(desk, desk.sign(signed_at=NOW + timedelta(minutes=6)))


@case(R.STATUS_NOT_ASKED)
def signed_by_a_clock_a_little_fast(desk: Desk) -> Case:
    return unregistered(desk, desk.sign(signed_at=NOW + timedelta(minutes=4)))


@case(R.TIME_NOT_PROVEN)
def judged_as_of_a_moment_before_it_was_sealed(desk: Desk) -> Case:
    return replace(registered(desk, desk.seal()), at=AT - timedelta(hours=1))


@case(R.OK)
def expired_since_and_registered_in_time(desk: Desk) -> Case:
    return replace(registered(desk, desk.seal()), at=LATER_THAN_ALL)


def crl_source() -> bytes:
    """Return the extension that names where the list of revoked certificates is."""
    uri = der.element(0x86, b"http://crl.example/1.crl")
    name = der.element(der.CONTEXT_0, der.element(der.CONTEXT_0, uri))
    return encode_extension(ExtensionId.CRL_DISTRIBUTION_POINTS, der.sequence(der.sequence(name)))


@case(R.REVOCATION_UNKNOWN)
def source_of_revocations_named(desk: Desk) -> Case:
    unit = desk.office.pki.issue_unit(more_extensions=(crl_source(),))
    return registered(desk, desk.sign(signer=unit))


@case(R.REVOCATION_UNKNOWN)
def source_of_revocations_named_by_the_maker(desk: Desk) -> Case:
    maker = desk.office.pki.issue_seal_maker(more_extensions=(crl_source(),))
    return registered(desk, desk.seal(eseal=desk.office.make_seal(maker=maker)))


# Check 6


@case(R.CHANGED_AFTER_SEALING)
def changed_after_sealing(desk: Desk) -> Case:
    sealed = desk.seal()
    page = pdf_files.object_source(sealed, 2).replace(b"842", b"800")
    return Case(pdf_files.add_revision(sealed, {2: page}), KeptRegister.of(desk, sealed))


_TIME = b"/M(D:20261124013000Z)"


def sign_letter(
    desk: Desk,
    letter: bytes,
    *,
    name: bytes = b"One",
    entries: bytes = _TIME,
    with_seal: bool = False,
) -> bytes:
    """Return a file signed by the desk's unit as other software would: nothing is shown."""
    subfilter = b"GM.sm2seal" if with_seal else b"ETSI.CAdES.detached"

    def with_contents(contents: bytes) -> bytes:
        padded = contents.ljust(8192, b"\x00")
        return pdf_files.add_signature(
            letter, name=name, subfilter=subfilter, contents=padded, entries=entries
        )

    covered = with_contents(b"\x30\x00")
    first, second, length = map(int, re.findall(rb"/ByteRange\[0 (\d+) (\d+) (\d+)", covered)[-1])
    digest = sm3(covered[:first] + covered[second : second + length])
    if with_seal:
        return with_contents(desk.office.apply(data_digest=digest, property_info="all of it").der)
    return with_contents(desk.sign_cms(digest))


@case(R.UNSUPPORTED_SIGNATURE, R.STATUS_NOT_ASKED)
def foreign_seal_shown_in_another_way(desk: Desk) -> Case:
    return unregistered(desk, sign_letter(desk, draw(None), with_seal=True))


@case(R.CONTENT_SWAPPED, R.NOT_IN_REGISTER)
def certificate_that_shows_no_seal(desk: Desk) -> Case:
    return Case(sign_letter(desk, draw(desk.data())), KeptRegister.of(desk))


@case(R.UNSUPPORTED_SIGNATURE)
def letter_without_a_time(desk: Desk) -> Case:
    return unregistered(desk, sign_letter(desk, draw(None), entries=b""))


@case(R.UNSUPPORTED_SIGNATURE, R.STATUS_NOT_ASKED)
def form_filled_in_and_signed_again(desk: Desk) -> Case:
    """Fill in what DocMDP 2 allows, which is not told apart yet."""
    allows_forms = _TIME + b"/Reference[<</TransformMethod/DocMDP/TransformParams<</P 2/V/1.2>>>>]"
    drawn = draw(None, catalog=b"/Perms<</DocMDP 9 0 R>>")
    signed = sign_letter(desk, drawn, entries=allows_forms)
    return unregistered(desk, sign_letter(desk, signed, name=b"Two"))


@case(R.STATUS_NOT_ASKED)
def letter(desk: Desk) -> Case:
    return unregistered(desk, sign_letter(desk, draw(None)))


@case(R.BYTES_NOT_COVERED, R.STATUS_NOT_ASKED)
def letter_with_an_addition_nobody_signed(desk: Desk) -> Case:
    signed = sign_letter(desk, draw(None))
    return unregistered(desk, pdf_files.add_revision(signed, {99: b"<</New true>>"}))


@case(R.CHANGED_LATER, R.STATUS_NOT_ASKED)
def letter_signed_twice(desk: Desk) -> Case:
    signed = sign_letter(desk, draw(None))
    return unregistered(desk, sign_letter(desk, signed, name=b"Two"))


# Check 7


@case(R.NOT_IN_REGISTER)
def number_not_in_register(desk: Desk) -> Case:
    return Case(desk.seal(), KeptRegister.of(desk))


@case(R.NOT_IN_REGISTER)
def sealed_without_data(desk: Desk) -> Case:
    return Case(desk.seal(draw(None)), KeptRegister.of(desk))


@case(R.DIFFERS_FROM_REGISTER)
def other_octets_in_register(desk: Desk) -> Case:
    return Case(desk.seal(), KeptRegister.of(desk, desk.seal(signed_at=AT + timedelta(seconds=1))))


@case(R.REGISTER_UNREACHABLE)
def register_unreachable(desk: Desk) -> Case:
    sealed = desk.seal()
    return Case(sealed, replace(KeptRegister.of(desk, sealed), is_reachable=False))


@case(R.STATUS_NOT_ASKED)
def certificate_of_an_office_not_kept(desk: Desk) -> Case:
    return unregistered(desk, desk.seal())


@case(R.STATUS_NOT_ASKED)
def signed_by_a_unit_without_a_code(desk: Desk) -> Case:
    unit = desk.office.pki.issue_unit(replace(UNIT_NAME, uscc=None))
    return Case(desk.sign(draw(None), signer=unit), KeptRegister.of(desk))


def _status(status: CertificateStatus) -> Build:
    return lambda desk: registered(desk, desk.seal(), status=status)


for _code in CertificateStatus:
    if _code is not CertificateStatus.VALID:
        CASES[f"certificate_{_code}"] = _status(_code), (R(f"certificate_{_code}"),)


@pytest.mark.parametrize("name", CASES)
def test_a_file_gets_its_reasons(desk: Desk, name: str) -> None:
    build, reasons = CASES[name]
    assert set(verify(desk, build(desk)).reason_codes) == set(reasons)


def test_every_row_in_reach_is_reached() -> None:
    reached = {reason for _, reasons in CASES.values() for reason in reasons}
    assert reached == set(ReasonCode) - OUT_OF_REACH
