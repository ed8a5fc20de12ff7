"""The name of a key becomes the name of a file."""

import pytest

from hsm.keys import KeyPurpose, KeyRef


@pytest.mark.parametrize("name", ["root", "data-1", "unit-11999901MB0000027N", "0", "k" * 64])
def test_a_name_is_letters_digits_and_hyphens(name: str) -> None:
    assert str(KeyRef(name)) == name


@pytest.mark.parametrize(
    "name",
    ["", "-a", ".", "..", "../root", "a/b", "a.b", "a b", "a\n", "a\0", "钥匙", "é", "k" * 65],
    ids=repr,
)
def test_nothing_else_is_a_name(name: str) -> None:
    with pytest.raises(ValueError, match="name of a key"):
        KeyRef(name)


def test_purposes_sign_or_encrypt() -> None:
    symmetric = {purpose for purpose in KeyPurpose if not purpose.signs}
    assert symmetric == {KeyPurpose.DATA, KeyPurpose.INDEX}
