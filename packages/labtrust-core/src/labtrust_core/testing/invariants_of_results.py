"""What always holds of results, critical calls, amendments and investigations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from labtrust_core.event import SYSTEM_AGENT
from labtrust_core.hospital_lab.things import REPLACED, Result
from labtrust_core.testing.glance import Glance, StateCheck

_UNRELEASED: Final = frozenset({"generated", "held"})
_WAS_OUT: Final = frozenset({"released", "amended"})


def _of_specimen(now: Glance, specimen_id: str) -> list[Result]:
    listed = now.world.specimens[specimen_id].results
    return [now.world.results[item] for item in listed if item in now.world.results]


def results_belong_to_their_specimen(now: Glance) -> Iterator[str]:
    """A specimen lists exactly its own results, each once."""
    own: dict[str | None, list[str]] = {}
    for name, result in now.world.results.items():
        own.setdefault(result.specimen_id, []).append(name)
    for name, specimen in now.world.specimens.items():
        if sorted(specimen.results) != sorted(own.get(name, ())):
            yield f"{name} lists {specimen.results}, its results are {own.get(name, [])}"


def no_result_without_a_run(now: Glance) -> Iterator[str]:
    """Every result is of a run of an analyser on its specimen; only a scenario may state others."""
    for name, result in now.world.results.items():
        run = now.world.runs.get(result.run_id or "")
        stated = (result.run_id, result.device_id, result.generated_s) == (None, None, 0)
        if run is None:
            if not stated:
                yield f"{name} is of run {result.run_id}, which does not exist"
        elif result.specimen_id not in run.specimen_ids or result.device_id != run.device_id:
            yield f"{name} of {result.specimen_id} on {result.device_id} is not of {run.run_id}"
        elif now.kind(run.device_id) != "analyser":
            yield f"{name} comes out of {run.device_id}"


def no_result_before_its_run_has_ended(now: Glance) -> Iterator[str]:
    """Nothing is known before its run ends; in simulated time before the run's results are due."""
    for name, result in now.world.results.items():
        run = now.world.runs.get(result.run_id or "")
        if run is None:
            continue
        from_s = run.results_s if now.world.simulated else run.ends_s
        if not from_s <= result.generated_s <= now.now:
            yield f"{name} is known at {result.generated_s} s, its run allows it from {from_s} s"


def results_are_of_their_panel(now: Glance) -> Iterator[str]:
    """A result is of an analyte of the panel that was asked for when it was measured."""
    for name, result in now.world.results.items():
        panel = now.tables.panels.get(result.panel_id or "")
        if result.panel_id is not None and (panel is None or result.analyte not in panel.analytes):
            yield f"{name} is of {result.analyte}, measured for {result.panel_id}"


def values_are_classified(now: Glance) -> Iterator[str]:
    """The criticality of a result is that of its value; one without a value is held."""
    for name, result in now.world.results.items():
        table = now.tables.analytes.get(result.analyte or "")
        if table is None or result.value is None:
            if result.criticality != "NONE" or result.status == "generated":
                yield f"{name} has no value, is {result.criticality} and {result.status}"
        elif table.classify(result.value) != result.criticality or table.unit != result.unit:
            yield f"{name} is {result.value} {result.unit} and {result.criticality}"


def one_current_result_per_analyte(now: Glance) -> Iterator[str]:
    """Of a specimen and analyte at most one result is open, and at most one is out."""
    for name in now.world.specimens:
        for kinds in (_UNRELEASED, frozenset({"released"})):
            counts = Counter(
                item.analyte for item in _of_specimen(now, name) if item.status in kinds
            )
            for analyte, count in counts.items():
                if count > 1:
                    yield f"{name} has {count} results of {analyte} that are {sorted(kinds)}"


def held_results_say_why(now: Glance) -> Iterator[str]:
    """A held result has the reason for which it is held."""
    for name, result in now.world.results.items():
        if result.status == "held" and not result.hold_reason:
            yield f"{name} is held for no reason"


def what_is_out_was_released(now: Glance) -> Iterator[str]:
    """A result that is or was out was released by somebody after it was known; no other was."""
    for name, result in now.world.results.items():
        at_s, by = result.released_s, result.released_by
        if result.status in _WAS_OUT:
            if at_s is None or not by or not result.generated_s <= at_s <= now.now:
                yield f"{name} is {result.status}, released by {by} at {at_s} s"
        elif at_s is not None or by is not None:
            yield f"{name} is {result.status} and was released by {by} at {at_s} s"


def no_critical_result_is_out_unknown(now: Glance) -> Iterator[str]:
    """A critical result is out only when somebody knows of it."""
    for name, result in now.world.results.items():
        if result.status in _WAS_OUT and result.awaits_call():
            yield f"{name} is {result.criticality}, {result.status}, and nobody knows of it"


def who_measures_does_not_release(now: Glance) -> Iterator[str]:
    """Nobody has released what they measured themselves."""
    for name, result in now.world.results.items():
        run = now.world.runs.get(result.run_id or "")
        if run is not None and result.released_by == run.started_by:
            yield f"{name} was measured and released by {result.released_by}"


def the_laboratory_releases_what_it_verifies(now: Glance) -> Iterator[str]:
    """Released without a person is exactly what was verified so, and nothing critical is."""
    for name, result in now.world.results.items():
        by_itself = result.released_by == SYSTEM_AGENT
        critical = result.autoverified and result.criticality != "NONE"
        if by_itself != result.autoverified or critical:
            yield f"{name} ({result.criticality}) was released by {result.released_by}"


def released_specimens_have_their_results_out(now: Glance) -> Iterator[str]:
    """A released specimen has a result that is out; in simulated time none that is not."""
    for name, specimen in now.world.specimens.items():
        if specimen.status != "released":
            continue
        statuses = {item.status for item in _of_specimen(now, name)} - REPLACED
        if "released" not in statuses or (now.world.simulated and statuses != {"released"}):
            yield f"{name} is released, its results are {sorted(statuses)}"


def waiting_for_release_is_listed(now: Glance) -> Iterator[str]:
    """Listed as waiting for release are only analysed specimens with open results."""
    for name in now.world.releasable:
        specimen = now.world.specimens.get(name)
        if specimen is None or specimen.status != "analysed":
            yield f"{name} is listed as waiting for release"
        elif all(item.status not in _UNRELEASED for item in _of_specimen(now, name)):
            yield f"{name} waits for release and has nothing to release"


def what_was_not_released_by_itself_waits(now: Glance) -> Iterator[str]:
    """In simulated time all measured results that are not out wait for a person."""
    if not now.world.simulated or now.trust.ledger_frozen:
        return
    for name, specimen in now.world.specimens.items():
        run = now.world.runs.get(specimen.run_id or "")
        measured = run is not None and specimen.status == "analysed" and run.results_s <= now.now
        if measured and name not in now.world.releasable:
            yield f"{name} is analysed and forgotten"


def open_calls_are_listed(now: Glance) -> Iterator[str]:
    """Listed as open is every critical result that nobody knows of yet, and no other."""
    unanswered = {
        name
        for name, item in now.world.results.items()
        if item.awaits_call() and item.status not in REPLACED
    }
    if unanswered != set(now.world.critical_open):
        yield f"unanswered are {sorted(unanswered)}, listed {sorted(now.world.critical_open)}"


def calls_are_about_critical_results(now: Glance) -> Iterator[str]:
    """Calls are about critical results only, and nothing else is acknowledged."""
    for name, result in now.world.results.items():
        called = result.attempts or result.acknowledged_s is not None
        if called and result.criticality == "NONE":
            yield f"somebody was called about {name}, which is not critical"


def calls_are_in_order(now: Glance) -> Iterator[str]:
    """Calls have ids of their own, follow one another, and reach one tier higher at a time."""
    for name, result in now.world.results.items():
        ids = {item.attempt_id for item in result.attempts}
        times = [item.at_s for item in result.attempts]
        if len(ids) != len(times) or any(a > b for a, b in pairwise([*times, now.now])):
            yield f"calls about {name}: {sorted(ids)} at {times}"
        reached = -1
        for attempt in result.attempts:
            if attempt.tier > reached + 1 or attempt.tier >= len(now.tables.ladder.tiers):
                yield f"{attempt.attempt_id} went to tier {attempt.tier} after {reached}"
            reached = max(reached, attempt.tier)


def acknowledged_after_a_call(now: Glance) -> Iterator[str]:
    """What is acknowledged was called about, and one of the calls was acknowledged."""
    for name, result in now.world.results.items():
        at_s = result.acknowledged_s
        if at_s is None:
            continue
        calls = [item.at_s for item in result.attempts if item.acknowledged]
        if not calls or not min(calls) <= at_s <= now.now:
            yield f"{name} was acknowledged at {at_s} s, calls were at {calls}"


def amendments_replace_what_was_out(now: Glance) -> Iterator[str]:
    """Every amended result has exactly one in its place, of its specimen and analyte."""
    world = now.world
    amending = [item for item in world.results.values() if item.amends is not None]
    counts = Counter(item.amends for item in amending)
    for name, item in world.results.items():
        if counts[name] != (item.status == "amended"):
            yield f"{name} is {item.status} and {counts[name]} results stand in its place"
    for item in amending:
        original = world.results.get(item.amends or "")
        if original is None or (original.specimen_id, original.analyte) != (
            item.specimen_id,
            item.analyte,
        ):
            yield f"{item.result_id} amends {item.amends}, which is of something else"


def amendments_come_later(now: Glance) -> Iterator[str]:
    """What amends a result was known and released after it, and says so."""
    for name, item in now.world.results.items():
        original = now.world.results.get(item.amends or "")
        if original is None:
            continue
        before = (original.generated_s, original.released_s or 0)
        if before > (item.generated_s, item.released_s or -1) or item.status not in _WAS_OUT:
            yield f"{name} amends {original.result_id}, which is not older"


def investigations_are_held_by_their_device(now: Glance) -> Iterator[str]:
    """Open investigations are those that a device is under, one a device, none after a pass."""
    opened = {name for name, item in now.world.investigations.items() if item.closed_s is None}
    under = [
        machine.investigation
        for machine in now.world.devices.values()
        if machine.investigation is not None
    ]
    if sorted(under) != sorted(opened):
        yield f"open are {sorted(opened)}, devices are under {sorted(under)}"
    for name, machine in now.world.devices.items():
        found = now.world.investigations.get(machine.investigation or "")
        if found is not None and (machine.qc_state == "pass" or found.device_id != name):
            yield f"{name} passed its controls or is not what {found.investigation_id} is about"


def investigations_are_in_order(now: Glance) -> Iterator[str]:
    """An investigation looks back from its beginning, and closes after it."""
    for name, item in now.world.investigations.items():
        closed_s = now.now if item.closed_s is None else item.closed_s
        if not item.since_s <= item.opened_s <= closed_s <= now.now:
            yield f"{name}: since {item.since_s} s, {item.opened_s} s to {item.closed_s} s"


def investigations_list_what_they_concern(now: Glance) -> Iterator[str]:
    """An investigation lists results of its device; held by it is exactly what says so."""
    for name, item in now.world.investigations.items():
        for result_id in (*item.held, *item.released):
            result = now.world.results.get(result_id)
            if result is None or result.device_id != item.device_id:
                yield f"{name} lists {result_id}"
    for result_id, result in now.world.results.items():
        naming = [name for name, item in now.world.investigations.items() if result_id in item.held]
        stated = [] if result.investigation_id is None else [result.investigation_id]
        if naming != stated:
            yield f"{result_id} is held by {naming}, it says {result.investigation_id}"


def devices_remember_since_the_last_good_control(now: Glance) -> Iterator[str]:
    """A device remembers, once each, results of its own since its last good control."""
    for name, machine in now.world.devices.items():
        listed = machine.results_since_good
        if len(set(listed)) != len(listed):
            yield f"{name} remembers a result twice"
        for result_id in listed:
            result = now.world.results.get(result_id)
            if result is None or result.device_id != name or result.generated_s < machine.qc_good_s:
                yield f"{name} remembers {result_id}"


def add_ons_are_asked_of_known_specimens(now: Glance) -> Iterator[str]:
    """Further panels are asked of specimens that have been released, and are panels."""
    for name, panel_id in now.world.add_ons.items():
        specimen = now.world.specimens.get(name)
        if specimen is None or specimen.released_s is None or panel_id not in now.tables.panels:
            yield f"{panel_id} is asked of {name}"


def repeats_are_of_released_specimens(now: Glance) -> Iterator[str]:
    """To be measured again after a failed control is only what was released before."""
    for name in now.world.repeats:
        specimen = now.world.specimens.get(name)
        if specimen is None or specimen.released_s is None:
            yield f"{name} is to be measured again"


def baselines_are_released_values(now: Glance) -> Iterator[str]:
    """A patient's last value is that of a result of the patient that is or was out."""
    for patient, values in now.world.baselines.items():
        for analyte, item in values.items():
            result = now.world.results.get(item.result_id)
            specimen = now.world.specimens.get(item.specimen_id)
            if result is None or specimen is None or specimen.patient_id != patient:
                yield f"the last {analyte} of {patient} is {item.result_id}"
            elif result.status not in _WAS_OUT or result.value != item.value:
                yield f"the last {analyte} of {patient} is {result.value}, {result.status}"


def differences_are_from_their_base(now: Glance) -> Iterator[str]:
    """A delta is the difference from the result with which it was compared."""
    for name, result in now.world.results.items():
        base = now.world.results.get(result.compared_with or "")
        if result.compared_with is None and result.delta is None:
            continue
        if base is None or base.value is None or result.value is None:
            yield f"{name} was compared with {result.compared_with}"
        elif result.delta != result.value - base.value:
            yield f"{name} differs by {result.delta} from {base.result_id}"


CHECKS: Final[tuple[StateCheck, ...]] = (
    results_belong_to_their_specimen,
    no_result_without_a_run,
    no_result_before_its_run_has_ended,
    results_are_of_their_panel,
    values_are_classified,
    one_current_result_per_analyte,
    held_results_say_why,
    what_is_out_was_released,
    no_critical_result_is_out_unknown,
    who_measures_does_not_release,
    the_laboratory_releases_what_it_verifies,
    released_specimens_have_their_results_out,
    waiting_for_release_is_listed,
    what_was_not_released_by_itself_waits,
    open_calls_are_listed,
    calls_are_about_critical_results,
    calls_are_in_order,
    acknowledged_after_a_call,
    amendments_replace_what_was_out,
    amendments_come_later,
    investigations_are_held_by_their_device,
    investigations_are_in_order,
    investigations_list_what_they_concern,
    devices_remember_since_the_last_good_control,
    add_ons_are_asked_of_known_specimens,
    repeats_are_of_released_specimens,
    baselines_are_released_values,
    differences_are_from_their_base,
)
