"""How well an episode served those who wait: what was due, what was out on time, what was right.

A specimen counts when nothing was wrong with its tube, label or request when it came: what has to
be turned away is nobody's delay. It is due when it came early enough: by its target, or by the
task's ``wrap_up_s``, before the end, whichever is later. Served is what was out within its target
and by the end. Right is what lies within ``WRONG_SD`` deviations of the truth, which the world
knows and no agent sees.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from labtrust_core.hospital_lab.lookup import LabContext
from labtrust_core.hospital_lab.things import REPLACED, Result, Specimen
from labtrust_core.hospital_lab.values import draw_value

from labtrust_bench.agents.dispatch_rules import WEIGHTS
from labtrust_bench.runs.metrics import Service, permille

WRONG_SD: Final = 4
"""A result is wrong that is further from the truth than so many deviations of its control: one
analyser in control reads so in six of 100,000 results."""


def service(ctx: LabContext, targets_s: Mapping[str, int], end_s: int, wrap_up_s: int) -> Service:
    """Return the figures of an episode that has ended.

    Args:
        ctx: The episode.
        targets_s: Priority to the turnaround in seconds that is on time.
        end_s: When the episode ends, in seconds.
        wrap_up_s: What comes later than this before the end is not due, unless its target ends.
    """
    wrong = {item.result_id for item in _ever_out(ctx) if is_wrong(ctx, item)}
    due = [
        item
        for item in ctx.world.specimens.values()
        if is_fit(item) and item.arrived_s + min(targets_s[item.priority], wrap_up_s) <= end_s
    ]
    served = [item for item in due if _is_served(item, targets_s[item.priority])]
    right = [item for item in served if _is_right(ctx, item, wrong, targets_s[item.priority])]
    due_weight = _weight(due)
    return Service(
        due=len(due),
        due_weight=due_weight,
        served=len(served),
        served_weight=_weight(served),
        weighted_on_time_permille=permille(_weight(served), due_weight),
        right=len(right),
        right_weight=_weight(right),
        weighted_right_permille=permille(_weight(right), due_weight),
        wrong_results_out=len(wrong),
        wrong_results_standing=sum(
            ctx.world.results[item].status not in REPLACED for item in wrong
        ),
    )


def is_fit(specimen: Specimen) -> bool:
    """Whether a specimen came with nothing wrong that reception has to turn it away for."""
    return (
        specimen.identity_ok
        and specimen.fill_ratio_ok is not False
        and not any(
            (
                specimen.leak,
                specimen.clot,
                specimen.hemolysis,
                specimen.insufficient_volume,
                specimen.label_issue,
                specimen.unlabelled,
                specimen.request_missing,
            )
        )
    )


def is_wrong(ctx: LabContext, result: Result) -> bool:
    """Whether a result lies further from the truth than ``WRONG_SD`` deviations."""
    specimen = ctx.world.specimens.get(result.specimen_id or "")
    control = ctx.tables.quality.controls.get(result.analyte or "")
    if specimen is None or control is None or result.value is None:
        return False
    true = draw_value(ctx.world.seed, ctx.tables.analytes[result.analyte or ""], specimen)
    off = 1_000 * abs(result.value - true)
    rounding = 500
    return off > WRONG_SD * control.sd_at(1_000 * true) + rounding


def _ever_out(ctx: LabContext) -> Iterable[Result]:
    """Return the results that went out, those that were amended since among them."""
    return (item for item in ctx.world.results.values() if item.released_s is not None)


def _is_served(specimen: Specimen, target_s: int) -> bool:
    return specimen.released_s is not None and specimen.released_s - specimen.arrived_s <= target_s


def _is_right(ctx: LabContext, specimen: Specimen, wrong: set[str], target_s: int) -> bool:
    """Whether everything that stands is right, and what had been wrong was amended in time."""
    until_s = specimen.arrived_s + target_s
    for result_id in specimen.results:
        result = ctx.world.results[result_id]
        if result.status in REPLACED or result.released_s is None:
            continue
        if result_id in wrong or (result.amends in wrong and result.released_s > until_s):
            return False
    return True


def _weight(found: Iterable[Specimen]) -> int:
    return sum(WEIGHTS[item.priority] for item in found)
