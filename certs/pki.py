"""The embedded PKI: a root, a CA for units and one for seal makers, a seal maker, the units.

For development only: an office in production gets its unit certificates and its seal from those
who may give them, and production refuses this one. It lies in the data folder as DER:

    root.der ── unit-ca.der ── units/<USCC>.der
            └── seal-maker-ca.der ── seal-maker.der
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from secrets import randbits
from types import MappingProxyType
from typing import Self

from certs.errors import CertsError
from hsm.approvals import Approval
from hsm.custody import Custodian
from hsm.errors import KeyNotFoundError
from hsm.files import write_file
from hsm.keys import KeyPurpose, KeyRef, KeyStore
from hsm.use_requests import CertificateRequest
from hsm.uses import SubjectKind, UseSubject
from signing.errors import MalformedSigningCertError, UnsupportedAlgorithmError
from signing.sm2 import Sm2PublicKey
from signing.x509 import DistinguishedName, SigningCert
from signing.x509_build import CertTemplate, Profile

SEAL_MAKER_KEY = KeyRef("seal-maker")

_YEAR = timedelta(days=365)
_VALIDITY = {
    Profile.ROOT: 20 * _YEAR,
    Profile.UNIT_CA: 15 * _YEAR,
    Profile.SEAL_MAKER_CA: 15 * _YEAR,
    Profile.SEAL_MAKER: 10 * _YEAR,
    Profile.UNIT: 5 * _YEAR,
}
_PURPOSES = {Profile.SEAL_MAKER: KeyPurpose.SEAL_MAKING, Profile.UNIT: KeyPurpose.SEALING}
_SERIAL_BITS = 127  # unguessable and positive in 16 octets (RFC 5280, 4.1.2.2)
_COUNTRY = "CN"
_OPERATOR = "示例市电子认证演示机构（测试）"


class IncompletePkiError(CertsError):
    """A certificate is missing, unreadable, or belongs to another key than the store's."""

    code = "incomplete_pki"


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit that needs a certificate to seal with."""

    uscc: str
    """Unified social credit code."""
    name: str
    key: KeyRef


@dataclass(frozen=True, slots=True)
class Pki:
    """The certificates, as they lie in their folder."""

    root: SigningCert
    unit_ca: SigningCert
    seal_maker_ca: SigningCert
    seal_maker: SigningCert
    units: Mapping[str, SigningCert]
    """By unified social credit code."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the certificates; raise `IncompletePkiError`. Nothing is proven by reading."""
        units = {path.stem: _read(path) for path in sorted((folder / "units").glob("*.der"))}
        if any(unit.subject.uscc != uscc for uscc, unit in units.items()):
            raise IncompletePkiError("a unit under another unit's code")
        return cls(
            root=_read(folder / "root.der"),
            unit_ca=_read(folder / "unit-ca.der"),
            seal_maker_ca=_read(folder / "seal-maker-ca.der"),
            seal_maker=_read(folder / "seal-maker.der"),
            units=MappingProxyType(units),
        )

    @property
    def ca_certs(self) -> tuple[SigningCert, ...]:
        """The CAs between the root and those who sign."""
        return self.unit_ca, self.seal_maker_ca


@dataclass(frozen=True, slots=True)
class PkiMaker:
    """Makes what is missing of an embedded PKI, and leaves alone what is there."""

    folder: Path
    custodian: Custodian
    store: KeyStore
    approval: Approval

    def make(self, units: Iterable[Unit], *, at: datetime) -> Pki:
        """Return the PKI with a certificate for every unit.

        Raise `IncompletePkiError` if a certificate is not that of the key in the store, and
        `CustodyError` if a key cannot be made or used. What was made before stays, so that
        another call goes on from there.
        """
        root = self._make("root", Profile.ROOT, None, at=at)
        unit_ca = self._make("unit-ca", Profile.UNIT_CA, root, at=at)
        seal_maker_ca = self._make("seal-maker-ca", Profile.SEAL_MAKER_CA, root, at=at)
        self._make(SEAL_MAKER_KEY.id, Profile.SEAL_MAKER, seal_maker_ca, at=at)
        for unit in units:
            name = DistinguishedName(_COUNTRY, unit.name, unit.name, unit.uscc)
            path = self.folder / "units" / f"{unit.uscc}.der"
            self._certify(path, name, unit.key, Profile.UNIT, unit_ca, at=at)
        return Pki.load(self.folder)

    def _make(
        self, role: str, profile: Profile, issuer_cert: SigningCert | None, *, at: datetime
    ) -> SigningCert:
        """Make a certificate that belongs to no unit: its key and its file are called alike."""
        name = DistinguishedName(_COUNTRY, _OPERATOR, _TITLES[profile])
        path = self.folder / f"{role}.der"
        return self._certify(path, name, KeyRef(role), profile, issuer_cert, at=at)

    def _certify(  # noqa: PLR0913 - a certificate is these five things at a time
        self,
        path: Path,
        subject: DistinguishedName,
        key: KeyRef,
        profile: Profile,
        issuer_cert: SigningCert | None,
        *,
        at: datetime,
    ) -> SigningCert:
        public_key = self._key(key, _PURPOSES.get(profile, KeyPurpose.CERTIFICATION))
        if path.exists():
            signing_cert = _read(path)
            if signing_cert.public_key != public_key:
                raise IncompletePkiError(f"{path.name} belongs to another key")
            return signing_cert
        not_before = at.replace(microsecond=0)
        not_after = not_before + _VALIDITY[profile]
        if issuer_cert is not None:
            not_after = min(not_after, issuer_cert.not_after)
        serial_number = randbits(_SERIAL_BITS) | 1
        signing_cert = self.custodian.sign_certificate(
            CertificateRequest(
                # A new subject each time: a certificate that a crash lost is made once more.
                subject=UseSubject(SubjectKind.X509, f"{key}.{serial_number:032x}"),
                key=key if issuer_cert is None else _ISSUER_KEYS[profile],
                officer=self.approval.officer,
                approval=self.approval,
                template=CertTemplate(
                    subject, public_key, profile, not_before, not_after, serial_number
                ),
                issuer_cert=issuer_cert,
            )
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, signing_cert.der, replace=True)
        return signing_cert

    def _key(self, ref: KeyRef, purpose: KeyPurpose) -> Sm2PublicKey:
        try:
            info = self.store.describe(ref)
        except KeyNotFoundError:
            info = self.store.generate(ref, purpose)
        if info.public_key is None:
            raise IncompletePkiError(f"the key {ref} is for something else")
        return info.public_key


_TITLES = {
    Profile.ROOT: "测试根证书",
    Profile.UNIT_CA: "测试单位证书签发机构",
    Profile.SEAL_MAKER_CA: "测试制章者证书签发机构",
    Profile.SEAL_MAKER: "测试制章者",
}
_ISSUER_KEYS = {
    Profile.UNIT_CA: KeyRef("root"),
    Profile.SEAL_MAKER_CA: KeyRef("root"),
    Profile.SEAL_MAKER: KeyRef("seal-maker-ca"),
    Profile.UNIT: KeyRef("unit-ca"),
}


def _read(path: Path) -> SigningCert:
    try:
        return SigningCert.parse(path.read_bytes())
    except (OSError, MalformedSigningCertError, UnsupportedAlgorithmError) as error:
        raise IncompletePkiError(path.name) from error
