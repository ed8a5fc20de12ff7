"""Where somebody may be led back to: a path of the very site, and nowhere else."""

LONGEST_PATH = 500
"""The longest address of ours, with the filters of a list, is half as long."""


def own_path(unverified_path: str) -> str:
    r"""Return a path (and query) of this site; whatever would lead elsewhere becomes "/".

    "//host" and "/\host" are addresses elsewhere to a browser, which also drops tabs and line
    ends out of an address before it reads it.
    """
    if (
        len(unverified_path) > LONGEST_PATH
        or not unverified_path.startswith("/")
        or unverified_path[1:2] in {"/", "\\"}
        or not unverified_path.isprintable()
        or not unverified_path.isascii()
    ):
        return "/"
    return unverified_path
