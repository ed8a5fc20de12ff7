"""What this package asks of a database; wiring brings it."""

from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import Connection


class Transactions(Protocol):
    """Opens transactions on the identity database."""

    def __call__(self) -> AbstractContextManager[Connection]:
        """Be the only writer; commit at the end, roll back if the block raises."""
        ...

    def reading(self) -> AbstractContextManager[Connection]:
        """See one state and make nobody wait."""
        ...
