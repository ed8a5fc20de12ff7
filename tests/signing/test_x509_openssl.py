"""OpenSSL's program on our certificates, and ours on the certificates it makes."""

import subprocess
from base64 import encodebytes
from pathlib import Path

import pytest
from simulators.pki import UNIT_NAME, Pki

from signing.sm2 import Sm2PrivateKey, sign_digest
from signing.x509 import ExtendedKeyUsage, KeyUsage, SigningCert
from signing.x509_build import assemble_request, build_request_info, parse_request
from signing.x509_path import verify_issued_by

pytestmark = pytest.mark.real

DEFAULT_ID = "distid:1234567812345678"


EXTENSIONS = f"""
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature, keyAgreement
extendedKeyUsage = {ExtendedKeyUsage.UNIT_SEALING}, emailProtection
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid, issuer
crlDistributionPoints = URI:http://crl.example/1.crl
authorityInfoAccess = OCSP;URI:http://ocsp.example
1.2.156.10260.4.1.4 = ASN1:PRINTABLESTRING:{UNIT_NAME.uscc}
"""


def openssl(*arguments: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["openssl", *arguments], input=stdin, capture_output=True, check=False)


def write_pem(path: Path, label: str, der: bytes) -> Path:
    body = encodebytes(der).decode()
    path.write_text(f"-----BEGIN {label}-----\n{body}-----END {label}-----\n")
    return path


def openssl_verify(folder: Path, signing_cert: SigningCert, issuer_cert: SigningCert) -> str:
    """Let OpenSSL check one certificate against its direct issuer.

    Three tiers at once fail there: it does not pass the identity up. Times are not ours to ask.
    """
    trusted = write_pem(folder / "issuer.pem", "CERTIFICATE", issuer_cert.der)
    checked = write_pem(folder / "checked.pem", "CERTIFICATE", signing_cert.der)
    done = openssl(
        "verify", "-no_check_time", "-partial_chain", "-trusted", trusted,
        "-vfyopt", DEFAULT_ID, checked,
    )  # fmt: skip
    return done.stdout.decode().removeprefix(f"{checked}: ").strip()


def test_openssl_accepts_each_certificate_against_its_issuer(tmp_path: Path) -> None:
    pki = Pki.create()
    for signing_cert, issuer_cert in (
        (pki.root.cert, pki.root.cert),
        (pki.unit_ca.cert, pki.root.cert),
        (pki.seal_maker_ca.cert, pki.root.cert),
        (pki.issue_unit().cert, pki.unit_ca.cert),
        (pki.issue_seal_maker().cert, pki.seal_maker_ca.cert),
    ):
        assert openssl_verify(tmp_path, signing_cert, issuer_cert) == "OK"
    forged = pki.unit_ca.with_other_key().issue(UNIT_NAME)
    assert openssl_verify(tmp_path, forged.cert, pki.unit_ca.cert) != "OK"


def test_openssl_accepts_our_request(tmp_path: Path) -> None:
    key = Sm2PrivateKey.generate()
    info = build_request_info(UNIT_NAME, key.public_key)
    request = assemble_request(info, sign_digest(key, key.public_key.digest(info)))
    path = write_pem(tmp_path / "request.pem", "CERTIFICATE REQUEST", request)
    done = openssl("req", "-verify", "-noout", "-in", path, "-vfyopt", DEFAULT_ID)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """Let OpenSSL make a root, a key and a request, and certify the request."""
    (tmp_path / "extensions.cnf").write_text(EXTENSIONS)
    for commands in (
        ["ecparam", "-name", "SM2", "-genkey", "-noout", "-out", "root.key"],
        ["ecparam", "-name", "SM2", "-genkey", "-noout", "-out", "leaf.key"],
        ["req", "-x509", "-new", "-key", "root.key", "-sm3", "-sigopt", DEFAULT_ID, "-utf8",
         "-subj", "/C=CN/O=示例/CN=示例根", "-outform", "DER", "-out", "root.der"],
        ["x509", "-inform", "DER", "-in", "root.der", "-out", "root.pem"],
        ["req", "-new", "-key", "leaf.key", "-sm3", "-sigopt", DEFAULT_ID, "-utf8", "-subj",
         f"/C=CN/O=示例/organizationIdentifier={UNIT_NAME.uscc}/CN=示例单位", "-out", "leaf.csr"],
        ["req", "-in", "leaf.csr", "-outform", "DER", "-out", "request.der"],
        ["x509", "-req", "-in", "leaf.csr", "-vfyopt", DEFAULT_ID, "-CA", "root.pem",
         "-CAkey", "root.key", "-set_serial", "0xdeadbeef", "-sm3", "-sigopt", DEFAULT_ID,
         "-extfile", "extensions.cnf", "-outform", "DER", "-out", "leaf.der"],
    ):  # fmt: skip
        done = subprocess.run(
            ["openssl", *commands], cwd=tmp_path, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr
    return tmp_path


def test_we_read_a_request_of_openssl(theirs: Path) -> None:
    subject, public_key = parse_request((theirs / "request.der").read_bytes())
    assert (subject.common_name, subject.uscc) == ("示例单位", UNIT_NAME.uscc)
    shown = openssl("pkey", "-in", theirs / "leaf.key", "-pubout", "-outform", "DER").stdout
    assert shown == public_key.subject_public_key_info


def test_we_read_and_prove_certificates_of_openssl(theirs: Path) -> None:
    root = SigningCert.parse((theirs / "root.der").read_bytes())
    leaf = SigningCert.parse((theirs / "leaf.der").read_bytes())
    verify_issued_by(root, root)
    verify_issued_by(leaf, root)
    assert root.is_ca
    assert not leaf.is_ca
    assert leaf.serial_number == 0xDEADBEEF
    assert (leaf.subject.common_name, leaf.subject.uscc) == ("示例单位", UNIT_NAME.uscc)
    assert leaf.key_usages == {KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT}
    assert leaf.extended_key_usages == {ExtendedKeyUsage.UNIT_SEALING, "1.3.6.1.5.5.7.3.4"}
    assert leaf.crl_urls == ("http://crl.example/1.crl",)
    assert leaf.ocsp_urls == ("http://ocsp.example",)
    assert leaf.authority_key_id == root.subject_key_id


def test_openssl_accepts_our_raw_signature(tmp_path: Path) -> None:
    """The recipe of docs/verifying.md: SM3 and the signature value by OpenSSL alone."""
    key = Sm2PrivateKey.generate()
    message = "证照".encode()
    signature = sign_digest(key, key.public_key.digest(message))
    public = write_pem(tmp_path / "key.pem", "PUBLIC KEY", key.public_key.subject_public_key_info)
    (tmp_path / "message").write_bytes(message)
    (tmp_path / "signature").write_bytes(signature.der)
    done = openssl(
        "pkeyutl", "-verify", "-pubin", "-inkey", public, "-rawin", "-digest", "sm3",
        "-in", tmp_path / "message", "-sigfile", tmp_path / "signature", "-pkeyopt", DEFAULT_ID,
    )  # fmt: skip
    assert b"Signature Verified Successfully" in done.stdout
