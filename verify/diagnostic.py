"""Facts about a signature for those who look into a case: names of units, digests, offsets."""

from typing import Any

from signing.canonical import sm3
from signing.eseal import ESeal
from signing.x509 import SigningCert
from verify.reading import FoundFault, FoundSignature
from verify.signature import DocumentSignature


def describe_place(found: FoundSignature) -> dict[str, Any]:
    """Describe where the signature stands in the file and what it covers."""
    return {
        "field": found.field_name,
        "subfilter": found.subfilter,
        "byte_range": str(found.byte_range),
        "doc_mdp": found.doc_mdp,
    }


def describe_fault(fault: FoundFault) -> dict[str, Any]:
    """Describe why a signature could not be read."""
    return {"field": fault.field_name, "fault": fault.detail}


def describe_signature(signature: DocumentSignature) -> dict[str, Any]:
    """Describe the certificates and the seal."""
    description: dict[str, Any] = {
        "signing_cert": _describe_cert(signature.signer_cert),
        "ca_certs": [_describe_cert(ca_cert) for ca_cert in signature.ca_certs],
    }
    if signature.seal_signature is not None:
        description["seal"] = _describe_seal(signature.seal_signature.eseal)
    return description


def _describe_cert(signing_cert: SigningCert) -> dict[str, Any]:
    return {
        "organization": signing_cert.subject.organization,
        "common_name": signing_cert.subject.common_name,
        "uscc": signing_cert.subject.uscc,
        "serial_number": f"{signing_cert.serial_number:x}",
        "not_before": signing_cert.not_before.isoformat(),
        "not_after": signing_cert.not_after.isoformat(),
        "sm3": signing_cert.sm3,
    }


def _describe_seal(eseal: ESeal) -> dict[str, Any]:
    return {
        "id": eseal.seal_id,
        "name": eseal.name,
        "vendor": eseal.vendor_id,
        "created_at": eseal.created_at.isoformat(),
        "valid_from": eseal.valid_from.isoformat(),
        "valid_to": eseal.valid_to.isoformat(),
        "picture_sm3": sm3(eseal.picture_data).hex(),
        "maker_cert": _describe_cert(eseal.maker_cert),
    }
