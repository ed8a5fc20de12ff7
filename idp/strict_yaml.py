"""YAML as people write it in a file of settings, without what lets readers differ or explode.

No aliases (they multiply), no key said twice, no types but text, numbers, truth and nothing.
"""

from collections.abc import Hashable
from typing import Any

import yaml

LONGEST = 32_768
"""Octets; a portal's file has some 1,500."""


class MalformedYamlError(ValueError):
    """The text is no such YAML; `place` says where, nothing is quoted."""

    def __init__(self, place: str) -> None:
        """Remember the `place`."""
        self.place = place
        super().__init__(place)


class _StrictLoader(yaml.SafeLoader):
    """Refuses aliases and keys that are said twice."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose what comes next, unless it is an alias."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "alias", self.get_mark())
        return super().compose_node(parent, index)

    def construct_mapping(
        self,
        node: yaml.MappingNode,
        deep: bool = False,  # noqa: FBT001, FBT002  # the library's
    ) -> dict[Hashable, Any]:
        """Construct a mapping whose keys are all different."""
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if len(set(keys)) != len(node.value):
            raise yaml.constructor.ConstructorError(None, None, "key", node.start_mark)
        return super().construct_mapping(node, deep)


def _refuse(_: _StrictLoader, node: yaml.Node) -> object:
    raise yaml.constructor.ConstructorError(None, None, "type", node.start_mark)


# Dates, sets, binary: what looks like one in a file of ours is a text, or a mistake.
for _tag in ("timestamp", "binary", "set", "omap", "pairs"):
    _StrictLoader.add_constructor(f"tag:yaml.org,2002:{_tag}", _refuse)


def read_yaml(unverified_octets: bytes) -> object:
    """Return what the document says; raise `MalformedYamlError`."""
    if len(unverified_octets) > LONGEST:
        raise MalformedYamlError("too long")
    try:
        text = unverified_octets.decode("utf-8")
        return yaml.load(text, _StrictLoader)  # noqa: S506  # a SafeLoader, made stricter
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise MalformedYamlError(f"line {mark.line + 1}" if mark else "document") from None
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError):
        raise MalformedYamlError("document") from None
