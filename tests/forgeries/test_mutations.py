"""Files that chance forges: no change under the seal passes, and no reader stumbles over one."""

from collections.abc import Sequence
from dataclasses import dataclass

from forgeries.scene import Scene
from forgeries.workshop import contents_of, put_contents
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from signing.cms import SignedData
from signing.errors import MalformedPdfError, SigningError
from signing.eseal import SealSignature
from signing.pdf.extract import read_signed_pdf
from verify.errors import VerifyError
from verify.policy import OFFICE, SEAL_ONLY, VerificationPolicy
from verify.report import Verdict
from verify.sandbox import Sandbox

BY_CHANCE = settings(
    deadline=None,  # a busy machine proves nothing
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
PASSING = {Verdict.VALID, Verdict.GENUINE}
MARKS = (b"/AcroForm", b"/ByteRange", b"/Contents<", b"xref", b"trailer", b"startxref", b"%%EOF")
"""Near these, chance is most likely to hit something that matters."""
FRAGMENTS = (
    b"%%EOF\n",
    b"endobj\n",
    b"1 0 obj\n",
    b"endstream",
    b"startxref\n0\n%%EOF\n",
    b"0 1\n0000000000 65535 f\r\n",
    b"/ByteRange[0 1 2 3]",
    b"/Contents<00>",
    b"<<",
    b">>",
    b"\0",
)


@dataclass(frozen=True)
class Place:
    """A place in any file: so far from a mark, or in proportion."""

    mark: bytes | None
    distance: int

    def find(self, data: bytes) -> int:
        """Return the place in this file."""
        start = 0 if self.mark is None else max(0, data.rfind(self.mark))
        return (start + self.distance) % (len(data) + 1)


@dataclass(frozen=True)
class Change:
    """Take `length` octets away, there, and put others in their place."""

    place: Place
    length: int
    octets: bytes
    source: Place | None
    """Where octets are copied from instead, so many as are taken away."""

    def make(self, data: bytes) -> bytes:
        """Return the file changed."""
        start = self.place.find(data)
        octets = self.octets
        if self.source is not None:
            origin = self.source.find(data)
            octets = data[origin : origin + self.length]
        return data[:start] + octets + data[start + self.length :]


def changed(data: bytes, changes: Sequence[Change]) -> bytes:
    for change in changes:
        data = change.make(data)
    return data


PLACES = st.builds(Place, st.none(), st.integers(min_value=0, max_value=2**20)) | st.builds(
    Place, st.sampled_from(MARKS), st.integers(min_value=-40, max_value=80)
)
LENGTHS = st.integers(min_value=0, max_value=3) | st.sampled_from([20, 500, 10**9])
OCTETS = st.binary(max_size=3) | st.sampled_from(FRAGMENTS) | st.binary(min_size=200, max_size=200)
CHANGES = st.lists(
    st.builds(Change, PLACES, LENGTHS, OCTETS, st.none() | PLACES), min_size=1, max_size=3
)
FILES = st.sampled_from(["licence", "card"])


def verdict(
    scene: Scene, data: bytes, policy: VerificationPolicy, sandbox: Sandbox | None = None
) -> Verdict | None:
    """Return the verdict, None where no report can be had; anything else fails the test."""
    try:
        return scene.verify(data, policy, sandbox=sandbox).verdict
    except VerifyError:
        return None


@BY_CHANCE
@given(name=FILES, changes=CHANGES)
def test_no_change_under_the_seal_passes(scene: Scene, name: str, changes: list[Change]) -> None:
    genuine = getattr(scene, name).data
    data = changed(genuine, changes)
    assume(data != genuine)
    assert verdict(scene, data, OFFICE) not in PASSING
    if verdict(scene, data, SEAL_ONLY) in PASSING:
        first, second = contents_of(genuine)[0].gap
        assert (data[:first], data[second:]) == (genuine[:first], genuine[second:])


@settings(BY_CHANCE, max_examples=20)
@given(name=FILES, changes=CHANGES)
def test_the_sandbox_answers_whatever_comes(
    scene: Scene, sandbox: Sandbox, name: str, changes: list[Change]
) -> None:
    data = changed(getattr(scene, name).data, changes)
    assert verdict(scene, data, OFFICE, sandbox) == verdict(scene, data, OFFICE)


@BY_CHANCE
@given(name=FILES, changes=CHANGES)
def test_the_reader_raises_its_own_errors_alone(
    scene: Scene, name: str, changes: list[Change]
) -> None:
    try:
        read_signed_pdf(changed(getattr(scene, name).data, changes))
    except MalformedPdfError:
        return


@BY_CHANCE
@given(changes=CHANGES)
def test_no_other_octets_are_the_same_seal_signature(scene: Scene, changes: list[Change]) -> None:
    byte_range, contents = contents_of(scene.licence.data)
    data = changed(contents, changes)[: len(contents)]
    assume(data != contents)
    forged = put_contents(scene.licence.data, byte_range, data)
    assume(forged != scene.licence.data)  # what was cut off may have been zeros
    assert verdict(scene, forged, SEAL_ONLY) not in PASSING


@BY_CHANCE
@given(name=FILES, changes=CHANGES)
def test_signatures_are_read_or_refused(scene: Scene, name: str, changes: list[Change]) -> None:
    _, contents = contents_of(getattr(scene, name).data)
    read = SealSignature.parse if name == "licence" else SignedData.parse
    try:
        read(changed(contents, changes))
    except SigningError:
        return
