"""What follows from a control: suspects, investigations, results that are held or looked back on.

A device remembers the results since it last passed its controls, so a failure costs as much as
there are such results, whatever else there is in the laboratory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labtrust_core.hospital_lab.lookup import LabContext, note_fate
from labtrust_core.hospital_lab.quality_things import Investigation, QcState
from labtrust_core.hospital_lab.things import Device, Result
from labtrust_core.hospital_lab.world import LabWorld

STATED = "stated"
"""Stands for the rules where the outcome of a control was stated, not measured."""


def suspicion(machine: Device | None, analyte: str | None) -> QcState:
    """Return what controls say of an analyte on a device.

    Where no analytes are under suspicion by name, the whole device is.
    """
    if machine is None:
        return "pass"
    if machine.qc_state == "pass" or analyte is None or not machine.suspects:
        return machine.qc_state
    suspect = machine.suspects.get(analyte)
    return "pass" if suspect is None else suspect.state


def note_measured(ctx: LabContext, result: Result) -> None:
    """Remember a new result until the next good control, and hold it if controls have failed."""
    machine = ctx.world.devices.get(result.device_id or "")
    if machine is None:
        return
    machine.results_since_good.append(result.result_id)
    if suspicion(machine, result.analyte) != "fail":
        return
    result.status = "held"
    result.hold_reason = "QC_FAIL_ACTIVE"
    if machine.investigation is not None:
        _bind(result, ctx.world.investigations[machine.investigation])


def investigate(ctx: LabContext, machine: Device) -> Investigation:
    """Open an investigation of a failed control, or go on with the open one.

    Results of failed analytes since the last good control are held, or listed if they are out.
    """
    world = ctx.world
    found = world.investigations.get(machine.investigation or "")
    if found is None:
        name = f"QCI_{len(world.investigations) + 1}"
        found = Investigation(name, machine.device_id, ctx.now, machine.qc_good_s)
        world.investigations[name] = found
        machine.investigation = name
    for code, rules in _failed(ctx, machine).items():
        known = found.rules.setdefault(code, [])
        known += [rule for rule in rules if rule not in known]
    for result_id in machine.results_since_good:
        _look_at(ctx, machine, world.results[result_id], found)
    return found


def _failed(ctx: LabContext, machine: Device) -> Mapping[str, Sequence[str]]:
    if not machine.suspects:
        return dict.fromkeys(ctx.tables.quality.analytes.get(machine.device_id, ()), (STATED,))
    return {
        code: suspect.rules for code, suspect in machine.suspects.items() if suspect.state == "fail"
    }


def _look_at(ctx: LabContext, machine: Device, result: Result, found: Investigation) -> None:
    if suspicion(machine, result.analyte) != "fail":
        return
    if result.status == "released":
        found.released[result.result_id] = None
        return
    if result.status == "generated":
        result.status = "held"
        result.hold_reason = "QC_FAIL_ACTIVE"
        note_fate(ctx, "held_results", result.result_id)
    if result.status == "held":
        _bind(result, found)


def _bind(result: Result, found: Investigation) -> None:
    result.investigation_id = found.investigation_id
    found.held[result.result_id] = None


def settle_good(world: LabWorld, machine: Device, now_s: int) -> None:
    """Close what a good control closes; what is held stays held."""
    found = world.investigations.get(machine.investigation or "")
    if found is not None:
        found.closed_s = now_s
    machine.investigation = None
    machine.qc_good_s = now_s
    machine.results_since_good.clear()


def attribution(world: LabWorld, result: Result) -> str:
    """Return which control stands against a result: device, analyte, rules and investigation."""
    found = world.investigations.get(result.investigation_id or "")
    if found is None:
        return ""
    rules = ", ".join(found.rules.get(result.analyte or "", (STATED,)))
    return f" ({found.device_id} {result.analyte}: {rules}; investigation {found.investigation_id})"


def suspected_analytes(ctx: LabContext, machine: Device) -> dict[str, list[str]]:
    """Return, by analyte under suspicion on a device, the rules that the last control broke."""
    if machine.qc_state == "pass":
        return {}
    if machine.suspects:
        return {code: list(suspect.rules) for code, suspect in machine.suspects.items()}
    return {code: [STATED] for code in ctx.tables.quality.analytes.get(machine.device_id, ())}


def investigation_record(found: Investigation, most: int | None = None) -> dict[str, Any]:
    """Return an investigation as plain data, with at most ``most`` results of each list."""
    return {
        "investigation_id": found.investigation_id,
        "device_id": found.device_id,
        "opened_s": found.opened_s,
        "since_s": found.since_s,
        "closed_s": found.closed_s,
        "rules": {code: list(rules) for code, rules in found.rules.items()},
        "held_count": len(found.held),
        "held": list(found.held)[:most],
        "look_back_count": len(found.released),
        "look_back": list(found.released)[:most],
    }
