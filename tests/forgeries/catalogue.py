"""All forgeries, in the order of the checks that they are for."""

from forgeries import (
    coverage,
    later_changes,
    misused_seals,
    round_the_register,
    structures,
    swapped_content,
    values,
    wrong_chains,
)
from forgeries.forgery import Forgery

_MODULES = (
    structures,
    coverage,
    values,
    misused_seals,
    swapped_content,
    wrong_chains,
    later_changes,
    round_the_register,
)

FORGERIES = tuple(
    item for module in _MODULES for item in vars(module).values() if isinstance(item, Forgery)
)
