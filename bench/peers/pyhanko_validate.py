"""pyHanko validating with SM2 hooks: the peer of verifying.

Roots are read once and one event loop serves all files; a validation context is made for each, as
its moment is another each time.
"""

import asyncio
import io
from collections.abc import Sequence
from datetime import datetime

from asn1crypto import x509
from independent.pyhanko_sm2 import Sm2Policy, Sm2SignatureValidator
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.status import PdfSignatureStatus
from pyhanko_certvalidator import ValidationContext

from signing.x509 import SigningCert


class PyHankoValidator:
    """Validates file after file."""

    def __init__(self, roots: Sequence[SigningCert]) -> None:
        """Trust `roots`."""
        self._roots = [x509.Certificate.load(root.der) for root in roots]
        self._policy = Sm2Policy()
        self._arithmetic = Sm2SignatureValidator()
        self._loop = asyncio.new_event_loop()

    def validate(self, sealed_pdf: bytes, *, at: datetime) -> None:
        """Raise ValueError unless every signature of the file is valid, covers it and is trusted.

        Differences to earlier revisions, integrity, path and algorithms are looked at.
        """
        statuses = self._loop.run_until_complete(self._validate(sealed_pdf, at))
        if not statuses or not all(status.bottom_line for status in statuses):
            raise ValueError("not valid")

    async def _validate(self, sealed_pdf: bytes, at: datetime) -> list[PdfSignatureStatus]:
        context = ValidationContext(
            trust_roots=self._roots,
            moment=at,
            algorithm_usage_policy=self._policy,
            signature_validator=self._arithmetic,
        )
        reader = PdfFileReader(io.BytesIO(sealed_pdf))
        return [
            await async_validate_pdf_signature(signature, signer_validation_context=context)
            for signature in reader.embedded_signatures
        ]
