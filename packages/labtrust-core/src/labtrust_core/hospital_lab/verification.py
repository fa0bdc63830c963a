"""Autoverification: results that leave without a person, by rules that policy lists for each panel.

A specimen's open results leave together, when every one of them passes every rule.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from labtrust_core.event import SYSTEM_AGENT, Event
from labtrust_core.hospital_lab import deltas
from labtrust_core.hospital_lab.handlers.results import release
from labtrust_core.hospital_lab.lookup import LabContext, result_out
from labtrust_core.hospital_lab.quality_cascade import suspicion
from labtrust_core.hospital_lab.tables import AnalyteTable
from labtrust_core.hospital_lab.things import PanelVerification, Result, Specimen

Rule = Callable[[LabContext, Result, AnalyteTable], bool]
"""Whether a result may leave without a person, by one rule."""


def _qc_good(ctx: LabContext, result: Result, _table: AnalyteTable) -> bool:
    machine = ctx.world.devices.get(result.device_id or "")
    return machine is not None and suspicion(machine, result.analyte) == "pass"


def _within_limits(_ctx: LabContext, result: Result, table: AnalyteTable) -> bool:
    return result.value is not None and table.within_limits(result.value)


def _hemolysis_below(_ctx: LabContext, result: Result, table: AnalyteTable) -> bool:
    limit = table.hemolysis_max_mg_l
    return limit is None or result.hemolysis_index_mg_l <= limit


RULES: Final[dict[str, Rule]] = {
    "system_up": lambda ctx, _result, _table: not ctx.world.downtime,
    "unit_known": lambda _ctx, result, _table: result.value is not None,
    "qc_good": _qc_good,
    "no_critical": lambda _ctx, result, _table: result.criticality == "NONE",
    "within_limits": _within_limits,
    "no_delta": lambda _ctx, result, _table: not deltas.failed(result),
    "hemolysis_below": _hemolysis_below,
}
"""The rules that policy may list."""

_ALWAYS: Final[dict[str, Rule]] = {
    "not_held": lambda _ctx, result, _table: result.status == "generated",
    "nothing_out": lambda ctx, result, _table: result_out(ctx.world, result) is None,
}
"""The rules that hold whatever policy lists."""

_REASONS: Final = {"system_up": "SYS_DOWNTIME_ACTIVE", "no_delta": "RC_DELTA_CHECK"}
"""The reason code of rules that have one of their own."""


def autoverify(ctx: LabContext, event: Event) -> None:
    """Release a specimen's open results without a person, where every one passes every rule.

    The outcome says so, or which results failed which rules.
    """
    world = ctx.world
    run = world.runs.get(world.specimens[event.args["specimen_id"]].run_id or "")
    if run is not None:
        world.finish(run)
    specimen = world.specimens[event.args["specimen_id"]]
    found = [world.results[item] for item in specimen.results]
    found = [result for result in found if result.status in ("generated", "held")]
    ctx.emit("AUTO_VERIFICATION_CHECK")
    failed = {result.analyte or "": broken_rules(ctx, specimen, result) for result in found}
    failed = {analyte: rules for analyte, rules in failed.items() if rules}
    enabled = ctx.tables.panels[specimen.panel_id].autoverify
    released = enabled and bool(found) and not failed
    _count(ctx, specimen, len(found), failed, released=released)
    ctx.data["autoverified"] = released
    if not released:
        _explain(ctx, failed)
        world.releasable[specimen.specimen_id] = None
        return
    for result in found:
        result.autoverified = True
        release(ctx, result, SYSTEM_AGENT)
    ctx.emit("RELEASE_RESULT")


def broken_rules(ctx: LabContext, specimen: Specimen, result: Result) -> list[str]:
    """Return the names of the rules that a result does not pass."""
    table = ctx.tables.analytes.get(result.analyte or "")
    if table is None:
        return ["unit_known"]
    listed = ctx.tables.verification_rules.get(specimen.panel_id, ())
    found = [name for name, rule in _ALWAYS.items() if not rule(ctx, result, table)]
    return found + [name for name in listed if not RULES[name](ctx, result, table)]


def _count(
    ctx: LabContext, specimen: Specimen, tests: int, failed: dict[str, list[str]], *, released: bool
) -> None:
    tally = ctx.world.verified.setdefault(specimen.panel_id, PanelVerification())
    tally.specimens += 1
    tally.released += released
    tally.tests += tests
    tally.tests_passed += tests - len(failed)
    for rules in failed.values():
        for name in rules:
            tally.failed[name] = tally.failed.get(name, 0) + 1


def _explain(ctx: LabContext, failed: dict[str, list[str]]) -> None:
    ctx.data["failed"] = failed
    broken = {name for rules in failed.values() for name in rules}
    codes = [code for name, code in _REASONS.items() if name in broken]
    if codes:
        ctx.data["reason_code"] = codes[0]


CODES: Final = frozenset(_REASONS.values())
