"""SM2 from the system's OpenSSL 3 (`libcrypto`), called through ctypes.

Only what OpenSSL does without help is used: its EVP interface signs and verifies a digest of 32
octets, so the identity (ID, Z) never passes through it. What it does not check (the range of the
scalar, the strict form of a signature) `signing.sm2` checks before calling.

A context serves one call and one thread: making it costs 1 % of a signature, and nothing is shared
that OpenSSL does not allow to share. Keys (`EVP_PKEY`) are loaded once and may be used by all
threads. Only the return value 1 is success, and the error queue is emptied after anything else.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from signing.errors import BackendUnavailableError, InvalidKeyError, InvalidSignatureError

_LIBRARY = "libcrypto.so.3"
_SM2 = b"SM2"
_SM2_CURVE = 1172  # NID_sm2 of <openssl/obj_mac.h>
_UNCOMPRESSED = 4  # POINT_CONVERSION_UNCOMPRESSED
_PUBLIC_KEY = 0x86  # EVP_PKEY_PUBLIC_KEY
_KEY_PAIR = 0x87  # EVP_PKEY_KEYPAIR
_POINT_SIZE = 65
_LONGEST_SIGNATURE = 72
_OK = 1

_Pointer = ctypes.c_void_p
_Octets = ctypes.c_char_p
_Int = ctypes.c_int
_Size = ctypes.c_size_t
_SizePointer = ctypes.POINTER(_Size)


class _Param(ctypes.Structure):
    """`OSSL_PARAM` of <openssl/core.h>."""

    _fields_ = (
        ("key", _Octets),
        ("data_type", ctypes.c_uint),
        ("data", _Pointer),
        ("data_size", _Size),
        ("return_size", _Size),
    )


# Every function that is called, with its result and arguments: without them ctypes would cut
# pointers to 32 bits.
_PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "OpenSSL_version_num": (ctypes.c_ulong, ()),
    "ERR_clear_error": (None, ()),
    "BN_bin2bn": (_Pointer, (_Octets, _Int, _Pointer)),
    "BN_clear_free": (None, (_Pointer,)),
    "EC_GROUP_new_by_curve_name": (_Pointer, (_Int,)),
    "EC_GROUP_free": (None, (_Pointer,)),
    "EC_POINT_new": (_Pointer, (_Pointer,)),
    "EC_POINT_free": (None, (_Pointer,)),
    "EC_POINT_mul": (_Int, (_Pointer,) * 6),
    "EC_POINT_point2oct": (_Size, (_Pointer, _Pointer, _Int, _Octets, _Size, _Pointer)),
    "OSSL_PARAM_construct_utf8_string": (_Param, (_Octets, _Octets, _Size)),
    "OSSL_PARAM_construct_octet_string": (_Param, (_Octets, _Octets, _Size)),
    "OSSL_PARAM_construct_BN": (_Param, (_Octets, _Octets, _Size)),
    "OSSL_PARAM_construct_end": (_Param, ()),
    "EVP_PKEY_CTX_new_from_name": (_Pointer, (_Pointer, _Octets, _Octets)),
    "EVP_PKEY_CTX_new_from_pkey": (_Pointer, (_Pointer, _Pointer, _Octets)),
    "EVP_PKEY_CTX_free": (None, (_Pointer,)),
    "EVP_PKEY_fromdata_init": (_Int, (_Pointer,)),
    "EVP_PKEY_fromdata": (
        _Int,
        (_Pointer, ctypes.POINTER(_Pointer), _Int, ctypes.POINTER(_Param)),
    ),
    "EVP_PKEY_free": (None, (_Pointer,)),
    "EVP_PKEY_sign_init": (_Int, (_Pointer,)),
    "EVP_PKEY_sign": (_Int, (_Pointer, _Octets, _SizePointer, _Octets, _Size)),
    "EVP_PKEY_verify_init": (_Int, (_Pointer,)),
    "EVP_PKEY_verify": (_Int, (_Pointer, _Octets, _Size, _Octets, _Size)),
}
_OLDEST = 0x30000000  # SM2 through EVP_PKEY_fromdata came with 3.0


class LibcryptoKey:
    """One SM2 key inside OpenSSL; it may be used by several threads at once."""

    __slots__ = ("_lib", "_pkey", "point")

    def __init__(self, lib: ctypes.CDLL, pkey: ctypes.c_void_p, point: bytes) -> None:
        """Take over `pkey`, which is freed together with this object."""
        self._lib = lib
        self._pkey = pkey
        self.point = point

    def __del__(self) -> None:
        """Free the key inside OpenSSL, which clears a private scalar."""
        self._lib.EVP_PKEY_free(self._pkey)

    def sign_digest(self, digest: bytes) -> bytes:
        """Return a DER signature over `digest`, made with a fresh nonce of OpenSSL."""
        lib = self._lib
        signature = ctypes.create_string_buffer(_LONGEST_SIGNATURE)
        size = _Size(_LONGEST_SIGNATURE)
        with _used_once(lib, lib.EVP_PKEY_CTX_new_from_pkey(None, self._pkey, None)) as context:
            if (
                lib.EVP_PKEY_sign_init(context) != _OK
                or lib.EVP_PKEY_sign(context, signature, size, digest, len(digest)) != _OK
            ):
                raise BackendUnavailableError("OpenSSL could not sign")
        return signature.raw[: size.value]

    def verify_digest(self, digest: bytes, signature_der: bytes) -> None:
        """Raise `InvalidSignatureError` unless `signature_der` is by this key over `digest`."""
        lib = self._lib
        with _used_once(lib, lib.EVP_PKEY_CTX_new_from_pkey(None, self._pkey, None)) as context:
            if lib.EVP_PKEY_verify_init(context) != _OK:
                raise BackendUnavailableError("OpenSSL could not verify")  # which proves nothing
            size = len(signature_der)
            if lib.EVP_PKEY_verify(context, signature_der, size, digest, len(digest)) != _OK:
                raise InvalidSignatureError("the signature value is wrong")


@contextmanager
def _used_once(lib: ctypes.CDLL, context: int | None) -> Iterator[int]:
    """Give a new EVP_PKEY_CTX to one call, then free it and empty the error queue."""
    try:
        if context is None:
            raise BackendUnavailableError("OpenSSL gave no context")
        yield context
    finally:
        lib.EVP_PKEY_CTX_free(context)
        lib.ERR_clear_error()


class Libcrypto:
    """The SM2 functions of one loaded OpenSSL."""

    def __init__(self, library: str = _LIBRARY) -> None:
        """Load `library`; raise `BackendUnavailableError` where it has no SM2."""
        try:
            lib = ctypes.CDLL(library)
            for name, (result, arguments) in _PROTOTYPES.items():
                function = getattr(lib, name)
                function.restype = result
                function.argtypes = arguments
        except (OSError, AttributeError) as error:
            raise BackendUnavailableError(f"{library} of OpenSSL 3 is not here") from error
        if lib.OpenSSL_version_num() < _OLDEST:
            raise BackendUnavailableError(f"{library} is older than OpenSSL 3.0")
        self._lib = lib
        self._group: int | None = lib.EC_GROUP_new_by_curve_name(_SM2_CURVE)
        if self._group is None or not self._offers_sm2_keys():
            lib.ERR_clear_error()
            raise BackendUnavailableError("this OpenSSL was built without SM2")

    def __del__(self) -> None:
        """Free the curve."""
        if hasattr(self, "_group"):
            self._lib.EC_GROUP_free(self._group)

    def _offers_sm2_keys(self) -> bool:
        context = self._lib.EVP_PKEY_CTX_new_from_name(None, _SM2, None)
        self._lib.EVP_PKEY_CTX_free(context)
        return context is not None

    def load_public_key(self, point: bytes) -> LibcryptoKey:
        """Load the uncompressed `point`; raise `InvalidKeyError` when it is not on the curve."""
        return self._load(point, _PUBLIC_KEY)

    def load_private_key(self, scalar: bytes) -> LibcryptoKey:
        """Load `scalar` with its own public point; its range is the caller's business."""
        private = ctypes.create_string_buffer(scalar[::-1], len(scalar))  # little-endian here
        try:
            return self._load(
                self._public_point(scalar),
                _KEY_PAIR,
                self._lib.OSSL_PARAM_construct_BN(b"priv", private, len(private)),
            )
        finally:
            ctypes.memset(private, 0, len(private))

    def _load(self, point: bytes, selection: int, *more: _Param) -> LibcryptoKey:
        lib = self._lib
        parameters = (
            lib.OSSL_PARAM_construct_utf8_string(b"group", _SM2, 0),
            lib.OSSL_PARAM_construct_octet_string(b"pub", point, len(point)),
            *more,
            lib.OSSL_PARAM_construct_end(),
        )
        pkey = _Pointer()
        with _used_once(lib, lib.EVP_PKEY_CTX_new_from_name(None, _SM2, None)) as context:
            table = (_Param * len(parameters))(*parameters)
            if lib.EVP_PKEY_fromdata_init(context) != _OK:
                raise BackendUnavailableError("this OpenSSL loads no SM2 keys")
            if lib.EVP_PKEY_fromdata(context, pkey, selection, table) != _OK:
                raise InvalidKeyError("not a point of the SM2 curve")
        return LibcryptoKey(lib, pkey, point)

    def _public_point(self, scalar: bytes) -> bytes:
        """Return d·G uncompressed (OpenSSL multiplies by a secret in constant time)."""
        lib = self._lib
        octets = ctypes.create_string_buffer(_POINT_SIZE)
        with self._secret_number(scalar) as number:
            point = lib.EC_POINT_new(self._group)
            try:
                if (
                    lib.EC_POINT_mul(self._group, point, number, None, None, None) != _OK
                    or lib.EC_POINT_point2oct(
                        self._group, point, _UNCOMPRESSED, octets, _POINT_SIZE, None
                    )
                    != _POINT_SIZE
                ):
                    raise InvalidKeyError("the scalar has no public point")
            finally:
                lib.EC_POINT_free(point)
                lib.ERR_clear_error()
        return octets.raw

    @contextmanager
    def _secret_number(self, scalar: bytes) -> Iterator[int]:
        number = self._lib.BN_bin2bn(scalar, len(scalar), None)
        try:
            yield number
        finally:
            self._lib.BN_clear_free(number)
