"""Who may see a certificate whole: its holder, whoever acts for him, officers of its authority."""

from api.problems import ApiError
from api.visitors import Visitor
from certs.entries import ECertificate
from certs.register import Register
from idp.documents import DocumentType, IdentityDocument
from idp.errors import MatterNotCoveredError
from idp.officers import Post
from idp.persons import NaturalPerson

CERTIFICATES_MATTER = "009900000001"
"""查看和下载电子证照: what a mandate has to cover (an invented basic code)."""
READING_POSTS = (Post.ACCEPTANCE, Post.DRAFTING, Post.SEALING, Post.AUDIT)


def documents_of(visitor: Visitor) -> tuple[IdentityDocument, ...]:
    """Return the documents under which certificates are the visitor's to see, as he acts now.

    Replaced ones too: what was issued under them is still his. Acting for somebody, he sees that
    one's alone. Raise `MatterNotCoveredError` if his mandate does not extend to certificates.
    """
    mandate = visitor.acting
    if mandate is None:
        return _documents(visitor.person)
    mandate.matters.verify_covers(CERTIFICATES_MATTER)
    if mandate.principal.uscc is not None:
        code = DocumentType.UNIFIED_SOCIAL_CREDIT_CODE.value
        return (IdentityDocument.parse(code, mandate.principal.uscc),)
    return _documents(visitor.identity.people.subjects.get(mandate.principal.id))


def find_for(visitor: Visitor, register: Register, found: ECertificate | None) -> ECertificate:
    """Return the certificate to somebody entitled; for anybody else it does not exist."""
    if found is not None:
        if _is_officer(visitor, found.authority):
            return found
        if found.id in _held(visitor, register):
            return found
    raise ApiError("not_found")


def _is_officer(visitor: Visitor, authority_uscc: str) -> bool:
    officer = visitor.officer
    return officer is not None and any(
        authority_uscc in officer.authorities(post, at=visitor.at) for post in READING_POSTS
    )


def _held(visitor: Visitor, register: Register) -> set[str]:
    try:
        documents = documents_of(visitor)
    except MatterNotCoveredError:
        return set()
    return {c.id for document in documents for c in register.find_by_holder(document)}


def _documents(person: NaturalPerson | None) -> tuple[IdentityDocument, ...]:
    return () if person is None else tuple(held.document for held in person.documents)
