"""Check 6: what came after a signature."""

from signing.pdf.changes import RevisionKind
from signing.pdf.extract import SignedPdf
from signing.pdf.signatures import EmbeddedSignature
from verify.report import ReasonCode


def judge_later_changes(
    file: SignedPdf, signature: EmbeddedSignature, *, is_certificate: bool
) -> set[ReasonCode]:
    """Return what speaks against the revisions after the one that `signature` covers.

    Validation data may come later, nothing else may to a certificate of ours or to any file whose
    author restricted changes: which of them a restriction still allows, we do not judge. Changes to
    other files must at least be signed themselves; octets outside every signature are refused.
    """
    kinds = file.later_revisions(signature)
    if all(kind is RevisionKind.VALIDATION_DATA for kind in kinds):
        return set()
    if is_certificate or signature.doc_mdp is not None:
        return {ReasonCode.CHANGED_AFTER_SEALING}
    ends = [s.revision_end for s in file.signatures if isinstance(s, EmbeddedSignature)]
    if max(ends) < file.revision_ends[-1]:
        return {ReasonCode.BYTES_NOT_COVERED}
    return {ReasonCode.CHANGED_LATER}
