"""The forger's tools: take a sealed file apart, put it together again, sign whatever it says."""

import hashlib
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from simulators import pdf_files
from simulators.pdf_files import CONTENTS, RANGE
from simulators.pki import Issued

from signing import der
from signing.cms import assemble_signed_data, build_signed_attributes
from signing.errors import MalformedSealError
from signing.eseal import ESeal
from signing.eseal_write import assemble_seal_signature, build_tbs_sign
from signing.pdf.placement import LONGEST_RANGE, ByteRange, Placement, SignatureForm
from signing.pdf.prepare import prepare
from signing.pdf.revisions import read_pdf_file
from signing.picture import SealPicture
from signing.sm2 import LONGEST_SIGNATURE, sign_digest
from signing.x509 import SigningCert

Sign = Callable[[bytes, str], bytes]
"""Makes what goes into /Contents, from the digest of what is signed and the text of its range."""

Claim = Callable[[ByteRange], Sequence[int]]
"""Tells what /ByteRange says, from what it should say."""

Exchange = tuple[bytes | re.Pattern[bytes], bytes]
"""What stands in exactly one place, and what shall stand there."""

_RANGE_AND_CONTENTS = re.compile(rb"/ByteRange\[[^\]]*\] */Contents<[0-9A-F]*>")


# What is signed


def ses(eseal: ESeal, signer: Issued, at: datetime) -> Sign:
    """Apply `eseal` as `signer` (GB/T 38540), whether he may or not."""

    def sign(digest: bytes, property_info: str) -> bytes:
        tbs = build_tbs_sign(
            eseal=eseal,
            signer_cert=signer.cert,
            signed_at=at,
            data_digest=digest,
            property_info=property_info,
        )
        return assemble_seal_signature(tbs, sign_digest(signer.key, tbs.digest)).der

    return sign


def cms(signer: Issued, *chain: SigningCert, digest: bytes | None = None) -> Sign:
    """Sign as PAdES wants it; over another `digest` than that of the file if one is given."""

    def sign(file_digest: bytes, _: str) -> bytes:
        attributes = build_signed_attributes(
            data_digest=digest or file_digest, signer_cert=signer.cert
        )
        return assemble_signed_data(
            signed_attributes=attributes,
            signer_cert=signer.cert,
            chain=chain,
            signature=sign_digest(signer.key, signer.key.public_key.digest(attributes)),
        )

    return sign


def altered(sign: Sign, *path: int, by: Callable[[bytes], bytes]) -> Sign:
    """Sign, and then let `by` change the element at `path`."""
    return lambda digest, text: put(contents := sign(digest, text), path, by(get(contents, path)))


# Elements of DER, by their places in one another


def elements(element: bytes) -> list[bytes]:
    """Return the elements inside one."""
    content = der.Reader(element, MalformedSealError).content(element[0])
    found: list[bytes] = []
    position = 0
    while position < len(content):
        reader = der.Reader(content, MalformedSealError, start=position)
        found.append(reader.whole(content[position]))
        position += len(found[-1])
    return found


def get(element: bytes, path: Sequence[int]) -> bytes:
    """Return the element at `path`."""
    for place in path:
        element = elements(element)[place]
    return element


def put(element: bytes, path: Sequence[int], changed: bytes) -> bytes:
    """Return `element` with `changed` at `path`; every length is set right."""
    if not path:
        return changed
    place, *rest = path
    parts = elements(element)
    parts[place] = put(parts[place], rest, changed)
    return der.element(element[0], *parts)


# Objects of a PDF, by their numbers


def drawn_part(pdf: bytes) -> bytes:
    """Return the file as it was drawn, before it was sealed."""
    return pdf[: read_pdf_file(pdf).revisions[0].marker_end]


def sources(pdf: bytes, revision: int) -> dict[int, bytes]:
    """Return the objects one revision writes, as they stand, without `obj` and `endobj`."""
    objects = read_pdf_file(pdf).revisions[revision].objects.values()
    return {
        item.number: pdf[item.start : item.end].split(b" obj\n", 1)[1].removesuffix(b"\nendobj")
        for item in sorted(objects, key=lambda item: item.start)
    }


def sealing_sources(pdf: bytes) -> dict[int, bytes]:
    """Return what sealing added, with RANGE and CONTENTS where the signature goes."""
    objects = sources(pdf, 1)
    blank = b"/ByteRange%b/Contents%b" % (RANGE, CONTENTS)
    exchange(objects, _RANGE_AND_CONTENTS, blank)
    return objects


def number_of(objects: Mapping[int, bytes], mark: bytes) -> int:
    """Return the number of the one object that holds `mark`."""
    (number,) = (number for number, source in objects.items() if mark in source)
    return number


def exchange(objects: dict[int, bytes], original: bytes | re.Pattern[bytes], new: bytes) -> None:
    """Write `new` where `original` stands, which must be in one place of one object."""
    pattern = re.compile(re.escape(original)) if isinstance(original, bytes) else original
    ((number, match),) = (
        (number, match) for number, source in objects.items() for match in pattern.finditer(source)
    )
    source = objects[number]
    objects[number] = source[: match.start()] + new + source[match.end() :]


def bomb(megabytes: int) -> bytes:
    """Return a zlib stream of so many MiB of zeros, a thousandth as long."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = packer.compress(bytes(1024 * 1024)) + packer.flush(zlib.Z_FULL_FLUSH)
    octets = megabytes * 1024 * 1024
    checksum = (octets % 65521 << 16 | 1).to_bytes(4, "big")  # Adler-32 of zeros (RFC 1950)
    return b"\x78\xda" + block * megabytes + b"\x03\x00" + checksum


# Whole files


def add_table(pdf: bytes, *, entries: bytes = b"", trailer: bytes | None = None) -> bytes:
    """Return `pdf` with a revision that writes no object: a table of `entries`, and a trailer."""
    later = pdf_files.add_revision(pdf, {}, trailer=trailer)
    start = later.rindex(b"xref\ntrailer") + len(b"xref\n")
    return later[:start] + b"0 1\n0000000000 65535 f\r\n" + entries + later[start:]


def seal_drawn(
    drawn: bytes,
    sign: Sign,
    *,
    placement: Placement,
    picture: SealPicture,
    claimed_at: datetime | None = None,
) -> bytes:
    """Seal a drawn file as the office does: form `pades` if it claims a time in /M."""
    prepared = prepare(
        drawn,
        form=SignatureForm.PADES if claimed_at else SignatureForm.SES,
        placement=placement,
        picture=picture,
        contents_size=_room(sign),
        signed_at=claimed_at,
    )
    return prepared.embed(sign(prepared.digest, prepared.property_info)).data


def reseal(
    pdf: bytes,
    sign: Sign,
    *exchanges: Exchange,
    drawn: bytes | None = None,
    claim: Claim | None = None,
) -> bytes:
    """Seal a sealed file afresh, with exchanges in what sealing adds to what was drawn."""
    objects = sealing_sources(pdf)
    for original, new in exchanges:
        exchange(objects, original, new)
    return seal_objects(drawn_part(pdf) if drawn is None else drawn, objects, sign, claim=claim)


def seal_objects(
    before: bytes, objects: Mapping[int, bytes], sign: Sign, *, claim: Claim | None = None
) -> bytes:
    """Add a revision of `objects`, in which RANGE and CONTENTS stand once, and sign it."""
    return complete(pdf_files.add_revision(before, objects), sign, claim=claim)


def complete(template: bytes, sign: Sign, *, claim: Claim | None = None) -> bytes:
    """Fill in RANGE and CONTENTS; the signature is right for the octets that the range claims.

    Without `claim` these are all but the contents.
    """
    pdf = pdf_files.complete_signature(template, bytes(_room(sign)))
    start = template.index(CONTENTS)
    end = pdf.index(b">", start) + 1
    right = ByteRange(start, end, len(pdf) - end)
    claimed = (0, start, end, len(pdf) - end) if claim is None else claim(right)
    text = f"[{' '.join(map(str, claimed))}]"
    slot = template.index(RANGE)
    filled = text[:-1].ljust(len(RANGE) - 1) + "]"
    assert len(filled) == len(RANGE)
    pdf = pdf[:slot] + filled.encode() + pdf[slot + len(RANGE) :]
    digest = hashlib.new("sm3")
    for first, length in zip(claimed[::2], claimed[1::2], strict=True):
        digest.update(pdf[max(0, first) : max(0, first + length)])
    return put_contents(pdf, right, sign(digest.digest(), text))


def put_contents(pdf: bytes, byte_range: ByteRange, contents: bytes) -> bytes:
    """Write `contents` into the gap, zeros behind it."""
    start, end = byte_range.gap
    octets = (end - start - 2) // 2
    assert len(contents) <= octets
    filled = contents.ljust(octets, b"\0").hex().upper().encode()
    return b"%b<%b>%b" % (pdf[:start], filled, pdf[end:])


def contents_of(pdf: bytes) -> tuple[ByteRange, bytes]:
    """Return range and contents (without the zeros) of the one signature of a sealed file."""
    (numbers,) = re.findall(rb"/ByteRange\[0 (\d+) (\d+) (\d+) *\]", pdf)
    byte_range = ByteRange(*map(int, numbers))
    start, end = byte_range.gap
    octets = bytes.fromhex(pdf[start + 1 : end - 1].decode())
    return byte_range, der.Reader(octets, MalformedSealError).whole(octets[0])


def _room(sign: Sign) -> int:
    """Return octets enough for what `sign` makes, which varies with the signature's numbers."""
    return len(sign(bytes(32), LONGEST_RANGE)) + LONGEST_SIGNATURE
