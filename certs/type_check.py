"""What is wrong with a type's folder, sample order included: for those who write types."""

import dataclasses
import datetime as dt
from pathlib import Path

from certs.authorities import Authorities, IssuingAuthority, Level
from certs.catalogue import CertificateType, Role, examine_type
from certs.errors import Fault, InvalidOrderError, UnknownAuthorityError
from certs.identifiers import NumberRule
from certs.orders import parse_order, read_order


def check_type(folder: Path, *, at: dt.datetime) -> tuple[Fault, ...]:
    """Return every fault of the folder, each pointer beginning with the file; none is good.

    The sample is judged where type.toml and schema.json can be read.
    """
    certificate_type, faults = examine_type(folder)
    sample = folder / "sample.json"
    if certificate_type is not None and sample.is_file():
        try:
            parse_order(
                read_order(sample.read_bytes()),
                # An order for a type that is only collected is judged like one that is issued.
                certificate_type=dataclasses.replace(certificate_type, role=Role.ISSUED),
                authorities=Authorities([_stand_in(certificate_type)]),
                at=at,
            )
        except InvalidOrderError as error:
            faults += (
                Fault(f"{sample.name}#{fault.pointer}", fault.code, fault.detail)
                for fault in error.faults
            )
        except UnknownAuthorityError as error:
            faults.append(Fault(f"{sample.name}#/authority", error.code, "a sample names none"))
    return tuple(sorted(set(faults)))


def _stand_in(certificate_type: CertificateType) -> IssuingAuthority:
    """Return an authority that may issue the type: which real ones may is not the type's affair."""
    return IssuingAuthority(
        uscc=certificate_type.code[:18],
        name="",
        level=Level.OTHER,
        area="000000",
        types=frozenset([certificate_type.code]),
        seal_id="",
        key="",
        numbering={certificate_type.code: NumberRule("{seq:1}")},
    )
