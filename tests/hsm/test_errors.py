"""Codes are stable: pages and problem answers translate them."""

import inspect

from hsm import errors

CLASSES = [
    member
    for _, member in inspect.getmembers(errors, inspect.isclass)
    if issubclass(member, errors.CustodyError) and member is not errors.CustodyError
]


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [member.code for member in CLASSES]
    assert len(set(codes)) == len(codes)


def test_the_tree_in_the_docstring_is_complete() -> None:
    tree = (errors.__doc__ or "").split()
    for member in CLASSES:
        assert tree[tree.index(member.__name__) + 1] == member.code
