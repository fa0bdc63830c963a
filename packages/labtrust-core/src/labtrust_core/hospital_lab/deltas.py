"""Delta checks: a new value against the patient's last released one.

A value that is further from it than policy allows says that the patient has changed, or that one of
the two tubes holds the blood of somebody else.
"""

from __future__ import annotations

from labtrust_core.hospital_lab.lookup import LabContext
from labtrust_core.hospital_lab.tables import AnalyteTable
from labtrust_core.hospital_lab.things import Baseline, Result, Specimen

UP, DOWN = "U", "D"
"""Flags of a failed delta check: the value has risen, or fallen, too far."""
_FLAGS = frozenset({UP, DOWN})


def compare(ctx: LabContext, specimen: Specimen, table: AnalyteTable, result: Result) -> None:
    """Note how far a new result lies from the patient's last one, and flag it if that is too far.

    Nothing to compare with: no delta check, no patient, no earlier value, or one too long ago. A
    repeat is compared with what its original was compared with.
    """
    before = ctx.world.baselines.get(specimen.patient_id, {}).get(table.code)
    if before is not None and before.specimen_id == specimen.specimen_id:
        before = _before(ctx, before)
    if before is None or table.delta_limit is None or result.value is None:
        return
    if abs(specimen.collected_s - before.collected_s) > table.delta_window_s:
        return
    result.compared_with = before.result_id
    result.delta = result.value - before.value
    if abs(result.delta) > table.delta_limit:
        result.flags.append(UP if result.delta > 0 else DOWN)
        ctx.data["reason_code"] = "RC_DELTA_CHECK"
        ctx.data["delta"] = {"compared_with": before.result_id, "by": result.delta}


def _before(ctx: LabContext, own: Baseline) -> Baseline | None:
    """Return the baseline that a specimen's own released result was compared with."""
    earlier = ctx.world.results.get(ctx.world.results[own.result_id].compared_with or "")
    specimen = None if earlier is None else ctx.world.specimens.get(earlier.specimen_id or "")
    if earlier is None or specimen is None or earlier.value is None:
        return None
    return Baseline(earlier.value, specimen.collected_s, earlier.result_id, specimen.specimen_id)


def remember(ctx: LabContext, specimen: Specimen, result: Result) -> None:
    """Let a released value be what the patient's next one is compared with, if it is the latest."""
    if not specimen.patient_id or result.analyte is None or result.value is None:
        return
    known = ctx.world.baselines.setdefault(specimen.patient_id, {})
    before = known.get(result.analyte)
    if before is None or before.collected_s <= specimen.collected_s:
        known[result.analyte] = Baseline(
            result.value, specimen.collected_s, result.result_id, specimen.specimen_id
        )


def failed(result: Result) -> bool:
    """Whether a result has failed its delta check."""
    return not _FLAGS.isdisjoint(result.flags)
