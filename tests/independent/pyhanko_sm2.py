"""pyHanko taught SM2: an independent validator of our PAdES files, and the peer of our benchmarks.

pyHanko 0.38 knows neither SM2 nor SM3. What it needs, all in this module:

* names for the object identifiers in asn1crypto, both directions, and the curve;
* a `SignatureValidator` for certificates and CMS, and a `Signer`;
* an allow-list of algorithms: by default any digest may stand beside an unknown mechanism.

The PDF, the CMS and the path are judged by pyHanko alone. The arithmetic is ours unless the book
is asked for (`sm2_by_the_book`, slow).
"""

import io
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from asn1crypto import algos, cms, keys, x509
from cryptography.exceptions import InvalidSignature
from independent.sm2_by_the_book import RECOMMENDED_CURVE, decode
from pyhanko.pdf_utils.images import PdfImage
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner
from pyhanko.sign.signers.pdf_cms import Signer
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.status import PdfSignatureStatus
from pyhanko.sign.validation.utils import CMSAlgorithmUsagePolicy
from pyhanko.stamp import StaticStampStyle
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.policy_decl import AlgorithmUsageConstraint
from pyhanko_certvalidator.registry import SimpleCertificateStore
from pyhanko_certvalidator.sig_validate import SignatureValidationContext, SignatureValidator

from signing.errors import InvalidSignatureError
from signing.sm2 import (
    LONGEST_SIGNATURE,
    Sm2PrivateKey,
    Sm2PublicKey,
    sign_digest,
    verify_digest,
)

SM3 = "sm3"
SM2_WITH_SM3 = "sm2_sm3"
SM2_SIGN = "sm2_sign"
BYTES_RESERVED = 8192  # more than any CMS of ours in hex; given, so that pyHanko signs once

Verify = Callable[[Sm2PublicKey, bytes, bytes], None]
"""(public key, digest, signature) → raises `InvalidSignatureError`."""


def _name(kind: Any, dotted: str, name: str) -> None:  # noqa: ANN401 - classes of asn1crypto
    kind._map[dotted] = name
    if kind._reverse_map is not None:
        kind._reverse_map[name] = dotted


_name(algos.DigestAlgorithmId, "1.2.156.10197.1.401", SM3)
_name(algos.SignedDigestAlgorithmId, "1.2.156.10197.1.501", SM2_WITH_SM3)
_name(algos.SignedDigestAlgorithmId, "1.2.156.10197.1.301.1", SM2_SIGN)
keys.NamedCurve.register("sm2p256v1", "1.2.156.10197.1.301", 32)
# The content types of GB/T 35275, on reading only.
cms.ContentType._map["1.2.156.10197.6.1.4.2.1"] = "data"
cms.ContentType._map["1.2.156.10197.6.1.4.2.2"] = "signed_data"


class Sm2Policy(CMSAlgorithmUsagePolicy):
    """SM2 with SM3 and nothing else."""

    def digest_algorithm_allowed(
        self, algo: algos.DigestAlgorithm, moment: datetime | None
    ) -> AlgorithmUsageConstraint:
        """Allow SM3."""
        return AlgorithmUsageConstraint(algo["algorithm"].native == SM3)

    def signature_algorithm_allowed(
        self,
        algo: algos.SignedDigestAlgorithm,
        moment: datetime | None,
        public_key: keys.PublicKeyInfo | None,
    ) -> AlgorithmUsageConstraint:
        """Allow SM2 under both its names."""
        return AlgorithmUsageConstraint(algo["algorithm"].native in {SM2_WITH_SM3, SM2_SIGN})

    def digest_combination_allowed(
        self,
        signature_algo: algos.SignedDigestAlgorithm,
        message_digest_algo: algos.DigestAlgorithm,
        moment: datetime | None,
    ) -> AlgorithmUsageConstraint:
        """Allow SM2 together with SM3."""
        return AlgorithmUsageConstraint(
            bool(
                self.digest_algorithm_allowed(message_digest_algo, moment)
                and self.signature_algorithm_allowed(signature_algo, moment, None)
            )
        )


class Sm2SignatureValidator(SignatureValidator):
    """The primitive that pyHanko asks for each signature of certificates and CMS."""

    def __init__(self, verify: Verify = verify_digest) -> None:
        """Use `verify` for the arithmetic."""
        self._verify = verify

    def validate_signature(
        self,
        signature: bytes,
        signed_data: bytes,
        public_key_info: keys.PublicKeyInfo,
        signature_algorithm: algos.SignedDigestAlgorithm,
        context: SignatureValidationContext | None = None,
    ) -> None:
        """Raise `InvalidSignature` unless the signature is right."""
        if context is not None and context.prehashed:
            raise InvalidSignature("only over data: the digest of SM2 depends on the key")
        public_key = Sm2PublicKey.from_point(bytes(public_key_info["public_key"]))
        try:
            self._verify(public_key, public_key.digest(signed_data), signature)
        except InvalidSignatureError as error:
            raise InvalidSignature from error


def verify_by_the_book(public_key: Sm2PublicKey, digest: bytes, signature_der: bytes) -> None:
    """Verify with the second implementation."""
    point = public_key.point
    public = (int.from_bytes(point[1:33], "big"), int.from_bytes(point[33:], "big"))
    r, s = decode(signature_der)
    if not RECOMMENDED_CURVE.accepts(int.from_bytes(digest, "big"), public, r, s):
        raise InvalidSignatureError("by the book")


class Sm2Signer(Signer):
    """A signer with an SM2 key in memory."""

    def __init__(
        self, cert_der: bytes, private_key: Sm2PrivateKey, chain_der: Sequence[bytes] = ()
    ) -> None:
        """Sign as `cert_der`, sending `chain_der` along."""
        certificates = SimpleCertificateStore()  # type: ignore[no-untyped-call]  # theirs
        certificates.register_multiple(x509.Certificate.load(der) for der in chain_der)
        super().__init__(
            signing_cert=x509.Certificate.load(cert_der),
            cert_registry=certificates,
            signature_mechanism=algos.SignedDigestAlgorithm({"algorithm": SM2_WITH_SM3}),
        )
        self._private_key = private_key

    async def async_sign_raw(
        self,
        data: bytes,
        digest_algorithm: str,
        dry_run: bool = False,  # noqa: FBT001, FBT002 - theirs
    ) -> bytes:
        """Return the signature over `data`."""
        if digest_algorithm != SM3:
            raise ValueError(digest_algorithm)
        if dry_run:
            return bytes(LONGEST_SIGNATURE)
        return sign_digest(self._private_key, self._private_key.public_key.digest(data)).der


def sign_pades(
    drawn_pdf: bytes,
    signer: Sm2Signer,
    *,
    picture: PdfImage | None = None,
    box: tuple[int, int, int, int] | None = None,
) -> bytes:
    """Certify a PDF as PAdES baseline B-B the fastest way that pyHanko offers.

    That is: `bytes_reserved` given, in place, the picture handed in ready-made (`box` in points).
    """
    metadata = PdfSignatureMetadata(
        field_name="Seal",
        md_algorithm=SM3,
        subfilter=SigSeedSubFilter.PADES,
        certify=True,
        docmdp_permissions=MDPPerm.NO_CHANGES,
    )
    style = None if picture is None else StaticStampStyle(background=picture, border_width=0)
    field = SigFieldSpec("Seal", box=box, on_page=0)
    output = io.BytesIO(drawn_pdf)
    PdfSigner(metadata, signer, stamp_style=style, new_field_spec=field).sign_pdf(
        IncrementalPdfFileWriter(output), bytes_reserved=BYTES_RESERVED, in_place=True
    )
    return output.getvalue()


def validate_pades(
    sealed_pdf: bytes,
    roots_der: Sequence[bytes],
    *,
    at: datetime,
    verify: Verify = verify_digest,
) -> list[PdfSignatureStatus]:
    """Return pyHanko's status of each signature field, at a moment and under these roots."""
    context = ValidationContext(
        trust_roots=[x509.Certificate.load(der) for der in roots_der],
        moment=at,
        algorithm_usage_policy=Sm2Policy(),
        signature_validator=Sm2SignatureValidator(verify),
    )
    reader = PdfFileReader(io.BytesIO(sealed_pdf))
    return [
        validate_pdf_signature(signature, signer_validation_context=context)
        for signature in reader.embedded_signatures
    ]
