"""Reads the published figures: package data with a source a row."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from labtrust_core.errors import DocumentError
from labtrust_core.policy.documents import read_document

FIGURES_FILE: Final = Path(str(files(__package__) / "published_figures.v0.1.yaml"))

Text = Annotated[str, msgspec.Meta(min_length=1)]
Kind = Literal["fitted", "held-out"]


class Figure(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One published figure.

    Attributes:
        quantity: What it measures, for people.
        published: Its value.
        low: Lower end of what counts as agreement.
        high: Upper end of it.
        range_: What that range is: of the source, or ours where the source gives one value only.
        unit: Unit of all three.
        source: Who published it.
        kind: Whether a parameter of policy was set to give the figure, or nothing was.
        measure: Name of the measure of a simulated day that it is compared with.
        note: What to know about the comparison.
        off: The likely reason where the simulation lies outside the range.
    """

    quantity: Text
    published: float
    low: float
    high: float
    range_: Text = msgspec.field(name="range")
    unit: Text
    source: Text
    kind: Kind
    measure: Text
    note: str = ""
    off: str = ""


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    version: Literal["0.1"]
    figures: dict[str, Figure]


def read_figures(file: Path = FIGURES_FILE) -> dict[str, Figure]:
    """Return the published figures by id, in the order of the file.

    Raises:
        PolicyError: The file cannot be read.
        DocumentError: It is not what it must be, or a range does not hold its own figure.
    """
    source = read_document(file)
    try:
        found = msgspec.convert(source.data, _Document).figures
    except msgspec.ValidationError as error:
        raise DocumentError(str(error), file=file, expected="published figures") from error
    for name, figure in found.items():
        if not figure.low <= figure.published <= figure.high:
            path: tuple[str, ...] = ("figures", name)
            raise DocumentError(
                "a range that does not hold its figure",
                file=file,
                line=source.line_of(path),
                path=".".join(path),
                found=f"{figure.published} outside {figure.low} to {figure.high}",
                expected="low <= published <= high",
            )
    return found
