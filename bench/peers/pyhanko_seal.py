"""pyHanko sealing with SM2 as fast as we can make it: the peer of sealing and of issuing.

Given to it: the room for the CMS (so that it signs once), writing in place, one event loop for all
files, the picture compressed once and for all, a key that signs without verifying what it made.
"""

import asyncio
import io
from collections.abc import Mapping, Sequence

from independent.pyhanko_sm2 import BYTES_RESERVED, SM3, Sm2Signer
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.content import PdfContent, ResourceType
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.layout import BoxConstraints
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner
from pyhanko.stamp import StaticStampStyle

from signing.libcrypto import Libcrypto
from signing.picture import SealPicture
from signing.sm2 import LONGEST_SIGNATURE, Sm2PrivateKey
from signing.x509 import SigningCert

POINTS_PER_MM = 72 / 25.4
_METADATA = PdfSignatureMetadata(
    field_name="Seal",
    md_algorithm=SM3,
    subfilter=SigSeedSubFilter.PADES,
    certify=True,
    docmdp_permissions=MDPPerm.NO_CHANGES,
)


class BareSm2Signer(Sm2Signer):
    """Signs like its parent, but hands out what it made unverified."""

    def __init__(
        self, signing_cert: SigningCert, key: Sm2PrivateKey, chain: Sequence[SigningCert]
    ) -> None:
        """Sign as `signing_cert`, sending `chain` along."""
        super().__init__(signing_cert.der, key, [ca_cert.der for ca_cert in chain])
        self._public_key = key.public_key
        self._bare_key = Libcrypto().load_private_key(key.scalar)

    async def async_sign_raw(
        self,
        data: bytes,
        digest_algorithm: str,
        dry_run: bool = False,  # noqa: FBT001, FBT002 - theirs
    ) -> bytes:
        """Return the signature over `data`."""
        if dry_run:
            return bytes(LONGEST_SIGNATURE)
        return self._bare_key.sign_digest(self._public_key.digest(data))


class ReadyPicture(PdfContent):
    """A seal's picture whose streams are copied into each file as they are."""

    def __init__(self, picture: SealPicture) -> None:
        """Draw `picture` in its own size."""
        width, height = picture.width_mm * POINTS_PER_MM, picture.height_mm * POINTS_PER_MM
        super().__init__(box=BoxConstraints(width, height))
        self._picture = picture

    def render(self) -> bytes:
        """Write both images and return what draws them."""
        picture, writer = self._picture, self._ensure_writer
        predictor = generic.DictionaryObject()  # type: ignore[no-untyped-call]  # theirs
        predictor |= {
            pdf_name("/Predictor"): _integer(15),
            pdf_name("/Columns"): _integer(picture.width_px),
        }
        mask = {
            "/ColorSpace": pdf_name("/DeviceGray"),
            "/Filter": pdf_name("/FlateDecode"),
            "/DecodeParms": predictor,
        }
        plane = _image(picture.width_px, picture.height_px, picture.alpha_stream, mask)
        colour = {"/ColorSpace": pdf_name("/DeviceRGB"), "/SMask": writer.add_object(plane)}
        image = writer.add_object(_image(1, 1, bytes(picture.colour), colour))
        self.set_resource(ResourceType.XOBJECT, pdf_name("/Seal"), image)
        return b"%g 0 0 %g 0 0 cm /Seal Do" % (self.box.width, self.box.height)


def _image(
    width: int, height: int, octets: bytes, entries: Mapping[str, generic.PdfObject]
) -> generic.StreamObject:
    entries = {
        "/Type": pdf_name("/XObject"),
        "/Subtype": pdf_name("/Image"),
        "/Width": _integer(width),
        "/Height": _integer(height),
        "/BitsPerComponent": _integer(8),
        **entries,
    }
    return generic.StreamObject(
        {pdf_name(name): value for name, value in entries.items()}, encoded_data=octets
    )


def _integer(value: int) -> generic.PdfObject:
    return generic.NumberObject(value)  # type: ignore[no-untyped-call]  # theirs


class PyHankoSealer:
    """Seals file after file."""

    def __init__(self, signer: Sm2Signer, picture: PdfContent, box: Sequence[float]) -> None:
        """Seal as `signer`, showing `picture` in `box` (points) on the first page."""
        style = StaticStampStyle(background=picture, border_width=0)
        left, bottom, right, top = map(round, box)
        field = SigFieldSpec("Seal", box=(left, bottom, right, top), on_page=0)
        self._sealer = PdfSigner(_METADATA, signer, stamp_style=style, new_field_spec=field)
        self._loop = asyncio.new_event_loop()

    def seal(self, drawn_pdf: bytes) -> bytes:
        """Return `drawn_pdf` with a certifying PAdES signature, baseline B-B."""
        output = io.BytesIO(drawn_pdf)
        writer = IncrementalPdfFileWriter(output)
        self._loop.run_until_complete(
            self._sealer.async_sign_pdf(writer, bytes_reserved=BYTES_RESERVED, in_place=True)
        )
        return output.getvalue()
