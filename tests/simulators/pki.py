"""A small PKI for tests, with an authority that also issues what no honest one would.

    pki = Pki.create()                         # root → unit CA, seal maker CA
    unit = pki.issue_unit()                    # an Issued: .cert and .key
    maker = pki.issue_seal_maker()
    expired = pki.issue_unit(not_after=…)
    wrong = pki.unit_ca.issue(UNIT_NAME, Profile.SEAL_MAKER)           # not this CA's usage
    useless = pki.unit_ca.issue(UNIT_NAME, role=Role((), None))        # no usage at all
    forged = pki.unit_ca.with_other_key().issue(UNIT_NAME)             # same names, another key
    stranger = Pki.create().issue_unit()                               # same names, another root

Times are parameters with fixed defaults. Keys and signatures are fresh in each run.
"""

import itertools
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from signing import der
from signing.sm2 import Sm2PrivateKey, sign_digest
from signing.x509 import DistinguishedName, ExtensionId, SigningCert
from signing.x509_build import (
    CertTemplate,
    Profile,
    Role,
    assemble_signing_cert,
    authority_key_extension,
    build_tbs,
    encode_extension,
    encode_name,
    encode_tbs,
    key_identifier,
    role_extensions,
    uscc_extension,
)

NOT_BEFORE = datetime(2026, 1, 1, tzinfo=UTC)
NOT_AFTER = datetime(2036, 1, 1, tzinfo=UTC)
AT = datetime(2026, 11, 24, 1, 30, tzinfo=UTC)
"""A moment at which everything issued without times of its own is valid."""

ROOT_NAME = DistinguishedName("CN", "示例根证书机构", "示例根证书（测试）")
UNIT_CA_NAME = DistinguishedName("CN", "示例单位证书机构", "示例单位证书（测试）")
SEAL_MAKER_CA_NAME = DistinguishedName("CN", "示例制章者证书机构", "示例制章者证书（测试）")
SEAL_MAKER_NAME = DistinguishedName(
    "CN", "示例制章单位", "示例制章单位（测试）", "11999900MB0000019D"
)
UNIT_NAME = DistinguishedName(
    "CN", "示例市青禾区市场监督管理局", "示例市青禾区市场监督管理局", "11999901MB0000027N"
)
OTHER_UNIT_NAME = DistinguishedName(
    "CN", "示例市松汀区市场监督管理局", "示例市松汀区市场监督管理局", "11999902MB00000350"
)

_serial_numbers = itertools.count(1001)


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and the key that belongs to it."""

    cert: SigningCert
    key: Sm2PrivateKey

    def issue(  # noqa: PLR0913 - each knob is one way to be odd
        self,
        subject: DistinguishedName,
        profile: Profile = Profile.UNIT,
        *,
        role: Role | None = None,
        key: Sm2PrivateKey | None = None,
        not_before: datetime = NOT_BEFORE,
        not_after: datetime = NOT_AFTER,
        serial_number: int | None = None,
        issuer_name: DistinguishedName | None = None,
        more_extensions: tuple[bytes, ...] = (),
    ) -> "Issued":
        """Issue whatever is asked for, signed by this key; no rule is looked at.

        `role` overrides what `profile` says; `issuer_name` writes another issuer than this one.
        """
        key = key or Sm2PrivateKey.generate()
        template = CertTemplate(
            subject=subject,
            public_key=key.public_key,
            profile=profile,
            not_before=not_before,
            not_after=not_after,
            serial_number=next(_serial_numbers) if serial_number is None else serial_number,
        )
        tbs = encode_tbs(
            template,
            subject_der=encode_name(subject),
            issuer_der=self.cert.subject_der if issuer_name is None else encode_name(issuer_name),
            extensions=(
                *role_extensions(role or profile.value),
                encode_extension(
                    ExtensionId.SUBJECT_KEY_ID, der.octet_string(key_identifier(key.public_key))
                ),
                *authority_key_extension(self.cert.subject_key_id),
                *uscc_extension(subject),
                *more_extensions,
            ),
        )
        return Issued(self.sign_tbs(tbs), key)

    def sign_tbs(self, tbs: bytes) -> SigningCert:
        """Sign any TBSCertificate with this key."""
        return assemble_signing_cert(tbs, sign_digest(self.key, self.key.public_key.digest(tbs)))

    def with_other_key(self) -> "Issued":
        """Return an impostor: all names and identifiers of this one, another key."""
        return replace(self, key=Sm2PrivateKey.generate())


@dataclass(frozen=True, slots=True)
class Pki:
    """A root with the two authorities below it, as `init` makes them in development."""

    root: Issued
    unit_ca: Issued
    seal_maker_ca: Issued

    @classmethod
    def create(cls, *, not_before: datetime = NOT_BEFORE, not_after: datetime = NOT_AFTER) -> "Pki":
        """Make new keys and the three certificates of the authorities."""
        key = Sm2PrivateKey.generate()
        template = CertTemplate(ROOT_NAME, key.public_key, Profile.ROOT, not_before, not_after, 1)
        tbs = build_tbs(template, None)
        signature = sign_digest(key, key.public_key.digest(tbs))
        root = Issued(assemble_signing_cert(tbs, signature), key)
        unit_ca, seal_maker_ca = (
            root.issue(name, profile, not_before=not_before, not_after=not_after)
            for name, profile in (
                (UNIT_CA_NAME, Profile.UNIT_CA),
                (SEAL_MAKER_CA_NAME, Profile.SEAL_MAKER_CA),
            )
        )
        return cls(root, unit_ca, seal_maker_ca)

    @property
    def anchors(self) -> tuple[SigningCert, ...]:
        """What a verifier trusts: the root alone."""
        return (self.root.cert,)

    @property
    def intermediates(self) -> tuple[SigningCert, ...]:
        """The certificates of both authorities."""
        return (self.unit_ca.cert, self.seal_maker_ca.cert)

    def issue_unit(self, subject: DistinguishedName = UNIT_NAME, **knobs: Any) -> Issued:  # noqa: ANN401 - the knobs of `Issued.issue`
        """Issue a unit's certificate to seal with."""
        return self.unit_ca.issue(subject, Profile.UNIT, **knobs)

    def issue_seal_maker(
        self,
        subject: DistinguishedName = SEAL_MAKER_NAME,
        **knobs: Any,  # noqa: ANN401 - the knobs of `Issued.issue`
    ) -> Issued:
        """Issue a seal maker's certificate."""
        return self.seal_maker_ca.issue(subject, Profile.SEAL_MAKER, **knobs)
