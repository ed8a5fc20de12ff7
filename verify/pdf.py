"""The walk through a file: checks 1 to 6, every signature, everything that can still run."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass

from signing.errors import MalformedPdfError, UnsupportedPdfError
from signing.eseal import ESeal
from signing.pdf.extract import SignedPdf, read_signed_pdf
from signing.pdf.signatures import EmbeddedSignature, SignatureFault
from signing.x509 import SigningCert
from verify import foreign
from verify.changes import judge_later_changes
from verify.findings import ClaimedCertificate, Findings, SignatureFinding
from verify.policy import TrustAnchors
from verify.report import Check, ReasonCode
from verify.seal import CHECK_NAMES, SignatureJudge
from verify.sealed_data import AmbiguousDataError, compare_with_claim, find_sealed_data, read_claim


def prepare(configuration: bytes) -> Callable[[bytes, bytes], bytes]:
    """Return what the sandbox's child runs; `configuration` holds the anchors (`configure`)."""
    ders = [base64.b64decode(text) for text in json.loads(configuration)]
    anchors = TrustAnchors.from_ders(ders)

    def answer(_: bytes, unverified_file: bytes) -> bytes:
        return examine(unverified_file, anchors).encode()

    return answer


def configure(anchors: TrustAnchors) -> bytes:
    """Return the anchors as the sandbox's configuration."""
    return json.dumps([base64.b64encode(a.der).decode() for a in anchors.seal]).encode()


def examine(unverified_pdf: bytes, anchors: TrustAnchors) -> Findings:
    """Return what checks 1 to 6 find in a file that begins like a PDF."""
    try:
        file = read_signed_pdf(unverified_pdf)
    except UnsupportedPdfError:
        return _examine_foreign(unverified_pdf, ReasonCode.UNSUPPORTED_SIGNATURE)
    except MalformedPdfError:
        return _examine_foreign(unverified_pdf, ReasonCode.MALFORMED_DOCUMENT)
    if not file.signatures:
        return Findings(file_reasons=(ReasonCode.NO_SIGNATURE,))
    content = _Content.of(file)
    judge = SignatureJudge(anchors, content.compare)
    signatures = tuple(
        _fault(signature)
        if isinstance(signature, SignatureFault)
        else judge.judge(
            signature, judge_later_changes(file, signature, is_certificate=content.is_certificate)
        )
        for signature in file.signatures
    )
    return Findings(signatures=signatures, claimed=content.claim)


def _examine_foreign(unverified_pdf: bytes, reason: ReasonCode) -> Findings:
    """Tell a file without any signature from one whose signature we do not read."""
    try:
        count = foreign.count_signatures(unverified_pdf)
    except foreign.UnreadableError:
        return Findings(file_reasons=(ReasonCode.MALFORMED_DOCUMENT,))
    return Findings(file_reasons=(reason if count else ReasonCode.NO_SIGNATURE,))


def _fault(fault: SignatureFault) -> SignatureFinding:
    reason = ReasonCode(fault.reason_code)
    return SignatureFinding(
        kind=None,
        checks=(Check(1, CHECK_NAMES[1], reason),),
        diagnostic={"fault": fault.detail},
    )


@dataclass(frozen=True, slots=True)
class _Content:
    """The attached data of a file: a certificate's, none, or nobody can say."""

    claim: ClaimedCertificate | None
    ambiguous: bool

    @classmethod
    def of(cls, file: SignedPdf) -> "_Content":
        try:
            sealed = find_sealed_data(file.attachments)
            return cls(None if sealed is None else read_claim(sealed), ambiguous=False)
        except AmbiguousDataError:
            return cls(None, ambiguous=True)

    @property
    def is_certificate(self) -> bool:
        return self.ambiguous or self.claim is not None

    def compare(
        self, signature: EmbeddedSignature, signer_cert: SigningCert, eseal: ESeal | None
    ) -> set[ReasonCode]:
        if self.ambiguous:
            return {ReasonCode.CONTENT_SWAPPED}
        if self.claim is None:
            return set()  # a foreign file: no certificate whose authority could be compared
        return compare_with_claim(self.claim, signature, signer_cert, eseal)
