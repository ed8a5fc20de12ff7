"""What every key store promises (`hsm.keys.KeyStore`), asked of every store that exists."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import pytest

from hsm.errors import KeyDisabledError, KeyExistsError, KeyNotFoundError, WrongPurposeError
from hsm.keys import KeyPurpose, KeyRef, KeyState, KeyStore
from hsm.stores.software import SoftwareKeyStore
from signing.envelope import DataKey
from signing.sm2 import Signature, verify_digest

Opener = Callable[[], KeyStore]
"""Opens one and the same store, as another process would."""


def software(folder: Path) -> Opener:
    kek = DataKey("kek-test", bytes(range(16)))
    return lambda: SoftwareKeyStore.create(folder / "keys", kek)


STORES = [software]

KEY = KeyRef("unit-11999901MB0000027N")
DIGEST = bytes(range(32))
SIGNING = [purpose for purpose in KeyPurpose if purpose.signs]
SYMMETRIC = [purpose for purpose in KeyPurpose if not purpose.signs]


@pytest.fixture(params=STORES)
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    opener: Opener = request.param(tmp_path)
    return opener


@pytest.fixture
def store(open_store: Opener) -> KeyStore:
    return open_store()


@pytest.mark.parametrize("purpose", SIGNING)
def test_a_new_key_signs_for_its_purpose(store: KeyStore, purpose: KeyPurpose) -> None:
    info = store.generate(KEY, purpose)
    signature = store.sign_digest(KEY, purpose, DIGEST)
    assert info.public_key is not None
    assert isinstance(signature, Signature)
    assert (signature.public_key, signature.digest) == (info.public_key, DIGEST)
    verify_digest(info.public_key, DIGEST, signature.der)
    assert (info.ref, info.purpose, info.state) == (KEY, purpose, KeyState.ENABLED)


def test_keys_outlive_the_process(open_store: Opener) -> None:
    info = open_store().generate(KEY, KeyPurpose.SEALING)
    reopened = open_store()
    assert reopened.describe(KEY) == info
    assert reopened.sign_digest(KEY, KeyPurpose.SEALING, DIGEST).public_key == info.public_key


def test_keys_differ(store: KeyStore) -> None:
    keys = [store.generate(KeyRef(f"key-{n}"), KeyPurpose.SEALING).public_key for n in range(3)]
    assert len(set(keys)) == 3


@pytest.mark.parametrize("purpose", KeyPurpose)
def test_a_key_is_never_overwritten(store: KeyStore, purpose: KeyPurpose) -> None:
    info = store.generate(KEY, KeyPurpose.SEALING)
    with pytest.raises(KeyExistsError):
        store.generate(KEY, purpose)
    assert store.describe(KEY) == info


@pytest.mark.parametrize(
    "use",
    [
        lambda store: store.describe(KEY),
        lambda store: store.disable(KEY),
        lambda store: store.sign_digest(KEY, KeyPurpose.SEALING, DIGEST),
        lambda store: store.open_data_key(KEY),
        lambda store: store.open_index_key(KEY),
    ],
    ids=["describe", "disable", "sign", "data", "index"],
)
def test_an_unknown_key_is_named_so(store: KeyStore, use: Callable[[KeyStore], object]) -> None:
    store.generate(KeyRef("another"), KeyPurpose.SEALING)
    with pytest.raises(KeyNotFoundError):
        use(store)


@pytest.mark.parametrize(
    ("made_for", "asked_for"),
    [
        pair
        for pair in product(KeyPurpose, KeyPurpose)
        if pair[0] != pair[1] or pair[0] in SYMMETRIC
    ],
)
def test_a_key_signs_for_no_other_purpose(
    store: KeyStore, made_for: KeyPurpose, asked_for: KeyPurpose
) -> None:
    store.generate(KEY, made_for)
    with pytest.raises(WrongPurposeError):
        store.sign_digest(KEY, asked_for, DIGEST)


@pytest.mark.parametrize("purpose", [p for p in KeyPurpose if p is not KeyPurpose.DATA])
def test_only_a_data_key_is_opened_as_one(store: KeyStore, purpose: KeyPurpose) -> None:
    store.generate(KEY, purpose)
    with pytest.raises(WrongPurposeError):
        store.open_data_key(KEY)


@pytest.mark.parametrize("purpose", [p for p in KeyPurpose if p is not KeyPurpose.INDEX])
def test_only_an_index_key_is_opened_as_one(store: KeyStore, purpose: KeyPurpose) -> None:
    store.generate(KEY, purpose)
    with pytest.raises(WrongPurposeError):
        store.open_index_key(KEY)


def test_what_a_data_key_encrypted_opens_in_another_process(open_store: Opener) -> None:
    store = open_store()
    store.generate(KEY, KeyPurpose.DATA)
    value = store.open_data_key(KEY).encrypt(b"order", context=b"orders/1")
    assert open_store().open_data_key(KEY).decrypt(value, context=b"orders/1") == b"order"
    assert store.describe(KEY).public_key is None


def test_an_index_key_gives_the_same_index_in_another_process(open_store: Opener) -> None:
    store = open_store()
    store.generate(KEY, KeyPurpose.INDEX)
    index = store.open_index_key(KEY).index("111", "number")
    assert open_store().open_index_key(KEY).index("111", "number") == index


def test_a_disabled_key_does_nothing_more(open_store: Opener) -> None:
    store, other = open_store(), open_store()
    names = {purpose: KeyRef(f"key-{purpose.value.replace('_', '-')}") for purpose in KeyPurpose}
    for purpose, ref in names.items():
        info = store.generate(ref, purpose)
        other.describe(ref)  # it has the key at hand
        store.disable(ref)
        store.disable(ref)
        assert store.describe(ref).state is KeyState.DISABLED
        assert store.describe(ref).public_key == info.public_key
    for witness in (store, other, open_store()):
        for purpose in SIGNING:
            with pytest.raises(KeyDisabledError):
                witness.sign_digest(names[purpose], purpose, DIGEST)
        with pytest.raises(KeyDisabledError):
            witness.open_data_key(names[KeyPurpose.DATA])
        with pytest.raises(KeyDisabledError):
            witness.open_index_key(names[KeyPurpose.INDEX])


def test_the_list_names_every_key_in_order(store: KeyStore) -> None:
    assert store.list() == []
    made = [store.generate(KeyRef(name), KeyPurpose.SEALING) for name in ("c", "a", "b")]
    assert store.list() == sorted(made, key=lambda info: info.ref.id)


def test_threads_may_share_a_store(store: KeyStore) -> None:
    public_key = store.generate(KEY, KeyPurpose.SEALING).public_key
    assert public_key is not None
    digests = [bytes([n]) * 32 for n in range(64)]

    def sign(digest: bytes) -> Signature:
        return store.sign_digest(KEY, KeyPurpose.SEALING, digest)

    with ThreadPoolExecutor(8) as threads:
        signatures = list(threads.map(sign, digests))
    assert [signature.digest for signature in signatures] == digests


def test_of_two_threads_that_make_one_key_one_does(store: KeyStore) -> None:
    def generate(_: int) -> int:
        try:
            store.generate(KEY, KeyPurpose.SEALING)
        except KeyExistsError:
            return 0
        return 1

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(generate, range(8))) == 1
