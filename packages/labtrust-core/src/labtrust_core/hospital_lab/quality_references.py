"""References of the quality-control document: what is measured is controlled, at two levels."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Final

from labtrust_core.engine.domain import Problem
from labtrust_core.engine.references import dangling
from labtrust_core.hospital_lab.documents.catalogue import Catalogue
from labtrust_core.hospital_lab.documents.equipment import Equipment
from labtrust_core.hospital_lab.documents.quality import ControlMaterial, ErrorProcess, Quality
from labtrust_core.hospital_lab.westgard import RULES
from labtrust_core.policy.load import Policy

_LEVELS: Final = 2


def quality_problems(policy: Policy) -> Iterator[Problem]:
    """Yield every dangling reference and contradiction of the quality-control document."""
    document = policy.get("quality", Quality)
    catalogue = policy.get("catalogue", Catalogue)
    types = policy.get("equipment", Equipment).device_types
    named = ((("materials", code), code) for code in document.materials)
    yield from dangling("quality", "analyte", named, catalogue.analytes)
    yield from dangling(
        "quality", "rule", ((("rules", name), name) for name in document.rules), RULES
    )
    yield from dangling(
        "quality", "device type", ((("errors", name), name) for name in document.errors), types
    )
    for name, kind in types.items():
        if kind.qc is None:
            continue
        if name not in document.errors:
            yield Problem("quality", ("errors",), "controlled type without errors", "nothing", name)
        panels = (catalogue.panels[panel] for panel in kind.panels if panel in catalogue.panels)
        for code in sorted({code for panel in panels for code in panel.analytes}):
            if code not in document.materials:
                yield Problem("quality", ("materials",), "analyte without control", "nothing", code)
    for code, material in document.materials.items():
        yield from _material(code, material)
    for name, process in document.errors.items():
        yield from _process(name, process)


def _material(code: str, material: ControlMaterial) -> Iterator[Problem]:
    targets = [_positive(level.target) for level in material.levels]
    stated = [*targets, *(_positive(level.sd) for level in material.levels)]
    ordered = None not in stated and targets == sorted(set(targets), key=lambda item: item or 0)
    if len(targets) != _LEVELS or not ordered:
        yield Problem(
            "quality",
            ("materials", code, "levels"),
            "not a control at two levels",
            str([(level.target, level.sd) for level in material.levels]),
            "two levels, the lower first, all positive decimal strings",
        )


def _positive(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() and number > 0 else None


def _process(name: str, process: ErrorProcess) -> Iterator[Problem]:
    shift, drift, imprecision = process.shift, process.drift, process.imprecision
    least_one = [
        *(item.mean_interval_s for item in (shift, drift, imprecision) if item is not None),
        100 if imprecision is None else imprecision.sd_percent,
    ]
    natural = [process.residual_milli_sd, process.recalibration_s]
    if drift is not None:
        natural.append(drift.milli_sd_per_h)
    if shift is not None:
        natural += [shift.min_milli_sd, shift.max_milli_sd - shift.min_milli_sd]
    if min(least_one) < 1 or min(natural) < 0:
        yield Problem(
            "quality",
            ("errors", name),
            "not an error process",
            f"{least_one} and {natural}",
            "intervals and percentages of 1 or more, sizes of 0 or more, min up to max",
        )
