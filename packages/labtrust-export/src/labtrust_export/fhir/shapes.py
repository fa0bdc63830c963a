"""What FHIR R4 asks of the resources that are exported here, as far as our own checks look.

Elements, required ones, codes of required bindings and targets of references, from the definitions
4.0.1; they stand in ``shapes.v0.1.json``. Everything else is for the official definitions.
"""

from __future__ import annotations

import functools
from importlib import resources
from typing import Final, Literal

import msgspec

_FILE: Final = "shapes.v0.1.json"


class Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One type of resource; paths are dotted.

    Attributes:
        elements: Names at the top, without choices.
        lists: Those that may be there more than once, and so are lists.
        choices: Names of each choice of types, of which one may be there.
        required: Paths that must be there; one below another only where that is there.
        codes: What may stand where a code is bound.
        references: Types that a reference may be to.
    """

    elements: frozenset[str]
    lists: frozenset[str]
    choices: dict[str, list[str]]
    required: list[str]
    codes: dict[str, list[str]]
    references: dict[str, list[str]]


class _Shapes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: Literal["0.1"]
    resources: dict[str, Shape]


@functools.cache
def shapes() -> dict[str, Shape]:
    """Return the shapes by type of resource."""
    data = resources.files("labtrust_export.fhir").joinpath(_FILE).read_bytes()
    return msgspec.json.decode(data, type=_Shapes).resources
