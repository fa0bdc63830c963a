"""What always holds of queues, runs, devices, their quality control, and the agenda."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from labtrust_core.hospital_lab.queueing import PRIORITY_RANK, QueueEntry
from labtrust_core.hospital_lab.things import AGENDA_RANK, Run
from labtrust_core.testing.glance import Glance, StateCheck


def work_waits_once(now: Glance) -> Iterator[str]:
    """Every work item waits in at most one queue."""
    waits = Counter(
        item for machine in now.world.devices.values() for item in machine.queue.waiting
    )
    for name, count in waits.items():
        if count > 1:
            yield f"{name} waits in {count} queues"


def queued_is_waiting(now: Glance) -> Iterator[str]:
    """A specimen is queued exactly while it waits in a queue."""
    waiting = {item for machine in now.world.devices.values() for item in machine.queue.waiting}
    for name, specimen in now.world.specimens.items():
        if (specimen.status == "queued") != (name in waiting):
            yield f"{name} is {specimen.status}, in a queue: {name in waiting}"


def queues_agree_with_their_entries(now: Glance) -> Iterator[str]:
    """What waits for a device, and how urgently, is what its entries say."""
    for name, machine in now.world.devices.items():
        entries = machine.queue.stat + machine.queue.other
        if sorted((item.work_id, item.rank) for item in entries) != sorted(
            machine.queue.waiting.items()
        ):
            yield f"{machine.queue.waiting} wait for {name}, entries {entries}"


def queues_are_in_order(now: Glance) -> Iterator[str]:
    """The head of a queue is its most urgent item, the one that waits longest among equals."""
    for name, machine in now.world.devices.items():
        for heap in (machine.queue.stat, machine.queue.other):
            if not _is_heap(heap):
                yield f"the queue of {name} is out of order: {heap}"


def _is_heap(heap: list[QueueEntry]) -> bool:
    return all(heap[(place - 1) // 2] <= item for place, item in enumerate(heap) if place)


def stat_waits_apart(now: Glance) -> Iterator[str]:
    """STAT work waits apart from all other."""
    stat = PRIORITY_RANK["STAT"]
    for name, machine in now.world.devices.items():
        stray = [item for item in machine.queue.stat if item.rank != stat]
        stray += [item for item in machine.queue.other if item.rank == stat]
        for item in stray:
            yield f"{item.work_id} waits for {name} among others than its like"


def queue_entries_are_numbered(now: Glance) -> Iterator[str]:
    """Queue entries have numbers of their own, in use so far, and times that have come."""
    for name, machine in now.world.devices.items():
        entries = machine.queue.stat + machine.queue.other
        numbers = {item.number for item in entries}
        latest = max((item.enqueued_s for item in entries), default=0)
        most = max(numbers, default=0)
        if len(numbers) != len(entries) or most > machine.queue.number or latest > now.now:
            yield f"the entries of {name} up to {machine.queue.number}: {entries}"


def queues_fit(now: Glance) -> Iterator[str]:
    """Queues are of analysers, and none is longer than its capacity."""
    for name, machine in now.world.devices.items():
        room = now.tables.devices[name].type.queue_capacity
        if machine.queue.waiting and (
            now.kind(name) != "analyser" or len(machine.queue.waiting) > room
        ):
            yield f"{len(machine.queue.waiting)} wait for {name}, there is room for {room}"


def queued_work_suits_the_device(now: Glance) -> Iterator[str]:
    """Specimens wait only for devices that run their panel."""
    for name, machine in now.world.devices.items():
        for work_id in machine.queue.waiting:
            specimen = now.world.specimens.get(work_id)
            if specimen is not None and specimen.panel_id not in now.tables.devices[name].panels:
                yield f"{work_id} waits for {name}, which does not run {specimen.panel_id}"


def _runs_by_unit(now: Glance) -> dict[tuple[str, int], list[Run]]:
    found: dict[tuple[str, int], list[Run]] = {}
    for run in sorted(now.world.runs.values(), key=lambda item: (item.started_s, item.ends_s)):
        found.setdefault((run.device_id, run.unit), []).append(run)
    return found


def one_run_at_a_time(now: Glance) -> Iterator[str]:
    """No unit of a device does two runs at a time, however long faults have made them."""
    for (name, unit), runs in _runs_by_unit(now).items():
        for first, second in pairwise(runs):
            if first.ends_s > second.started_s:
                yield f"unit {unit} of {name} does {first.run_id} and {second.run_id} at a time"


def units_are_taken_while_they_run(now: Glance) -> Iterator[str]:
    """A unit is not free before its last run ends."""
    for (name, unit), runs in _runs_by_unit(now).items():
        free_s = now.world.devices[name].unit_free_s
        if unit < len(free_s) and free_s[unit] < runs[-1].ends_s:
            yield f"unit {unit} of {name} is free at {free_s[unit]} s, during {runs[-1].run_id}"


def runs_use_units_that_exist(now: Glance) -> Iterator[str]:
    """Devices have the units of their type, and runs use no others."""
    for name, machine in now.world.devices.items():
        if len(machine.unit_free_s) != now.tables.devices[name].type.units:
            yield f"{name} has {len(machine.unit_free_s)} units"
    for run in now.world.runs.values():
        if not 0 <= run.unit < now.tables.devices[run.device_id].type.units:
            yield f"run {run.run_id} is on unit {run.unit} of {run.device_id}"


def runs_fit(now: Glance) -> Iterator[str]:
    """No run takes more specimens than its device holds, none is empty, none names one twice."""
    for run in now.world.runs.values():
        most = now.tables.devices[run.device_id].type.batch_max
        count = len(run.specimen_ids)
        if not 1 <= count <= most or len(set(run.specimen_ids)) != count:
            yield f"run {run.run_id} takes {run.specimen_ids}, room is for {most}"


def runs_are_in_order(now: Glance) -> Iterator[str]:
    """A run has begun, ends after that, and has its results not before it ends."""
    for run in now.world.runs.values():
        if not run.started_s <= min(now.now, run.ends_s) or run.ends_s > run.results_s:
            yield f"run {run.run_id}: {run.started_s}, {run.ends_s}, {run.results_s} s"


def runs_are_of_known_specimens(now: Glance) -> Iterator[str]:
    """Runs are of specimens that exist, and a specimen's run is one that took it."""
    world = now.world
    for run in world.runs.values():
        for name in set(run.specimen_ids) - world.specimens.keys():
            yield f"run {run.run_id} is of {name}, which does not exist"
    for name, specimen in world.specimens.items():
        last = world.runs.get(specimen.run_id or "")
        if specimen.run_id is not None and (last is None or name not in last.specimen_ids):
            yield f"{name} says that it is of run {specimen.run_id}"


def loaded_specimens_are_of_a_loaded_run(now: Glance) -> Iterator[str]:
    """What is in a device is there for a run of it that has not been unloaded."""
    for name, specimen in now.world.specimens.items():
        kind, _, device_id = specimen.place.partition(":")
        run = now.world.runs.get(specimen.run_id or "")
        if kind == "device" and (run is None or run.unloaded or run.device_id != device_id):
            yield f"{name} is in {device_id} for run {specimen.run_id}"


def unloaded_runs_have_ended(now: Glance) -> Iterator[str]:
    """Nothing is taken out of a device before its run ends."""
    for run in now.world.runs.values():
        if run.unloaded and run.ends_s > now.now:
            yield f"run {run.run_id} ends at {run.ends_s} s and is unloaded"


def loaded_units_are_centrifuges_to_unload(now: Glance) -> Iterator[str]:
    """Loaded units are those of centrifuges with a run that nobody has unloaded."""
    for name, machine in now.world.devices.items():
        loaded = [run.unit for run in now.world.runs.values() if _is_loaded(now, run, name)]
        if sorted(machine.loaded_units) != sorted(loaded):
            yield f"units {machine.loaded_units} of {name} are loaded, runs are in {loaded}"


def _is_loaded(now: Glance, run: Run, device_id: str) -> bool:
    return run.device_id == device_id and not run.unloaded and now.kind(device_id) == "centrifuge"


def active_runs_are_listed(now: Glance) -> Iterator[str]:
    """A device lists every run that is in it, and besides only those whose results are to come."""
    for name, machine in now.world.devices.items():
        inside = {
            run.run_id
            for run in now.world.runs.values()
            if run.device_id == name and not run.unloaded
        }
        for run_id in inside - machine.active.keys():
            yield f"{name} does not list {run_id}"
        for run_id in machine.active.keys() - inside:
            run = now.world.runs.get(run_id)
            if run is None or run.device_id != name or run.results_s < now.now:
                yield f"{name} still lists {run_id}"


def spins_are_counted(now: Glance) -> Iterator[str]:
    """As many runs of centrifuges are known as have been counted."""
    spins = sum(now.kind(run.device_id) == "centrifuge" for run in now.world.runs.values())
    if spins != now.world.counts.get("spins", 0):
        yield f"{spins} spins are known, counted are {now.world.counts.get('spins', 0)}"


def separated_after_the_spin(now: Glance) -> Iterator[str]:
    """Nothing is separated before the centrifuge that it came out of has stopped."""
    for run in now.world.runs.values():
        if not run.unloaded or now.kind(run.device_id) != "centrifuge":
            continue
        for name in run.specimen_ids:
            specimen = now.world.specimens.get(name)
            at_s = None if specimen is None else specimen.separated_s
            if at_s is None or at_s < run.ends_s:
                yield f"{name} was separated at {at_s} s, {run.run_id} ended at {run.ends_s} s"


def faults_are_counted(now: Glance) -> Iterator[str]:
    """A device has had as many faults as the kinds of its faults together."""
    for name, machine in now.world.devices.items():
        counted = sum(
            count for key, count in now.world.counts.items() if key.startswith(f"fault:{name}|")
        )
        if machine.faults != counted:
            yield f"{name} has had {machine.faults} faults, by kind {counted}"


def suspects_are_of_the_device(now: Glance) -> Iterator[str]:
    """Under suspicion is only what is controlled on the device, and the gravest names its state."""
    for name, machine in now.world.devices.items():
        strangers = machine.suspects.keys() - set(now.tables.quality.analytes.get(name, ()))
        states = {item.state for item in machine.suspects.values()}
        gravest = "fail" if "fail" in states else "drift"
        if strangers or "pass" in states or (states and machine.qc_state != gravest):
            yield f"{name} is in state {machine.qc_state}, suspects {machine.suspects}"


def controls_are_in_order(now: Glance) -> Iterator[str]:
    """The last good control of a device is not later than its last, nor that later than now."""
    for name, machine in now.world.devices.items():
        if not machine.qc_good_s <= machine.qc_at_s <= now.now:
            yield f"controls of {name}: good {machine.qc_good_s} s, last {machine.qc_at_s} s"


def runs_between_controls_are_bounded(now: Glance) -> Iterator[str]:
    """No analyser does more runs between two controls than its type allows."""
    for name, machine in now.world.devices.items():
        model = now.tables.devices[name].type.qc
        if model is not None and not 0 <= machine.runs_since_qc <= model.max_runs:
            yield f"{name} has done {machine.runs_since_qc} runs since its last control"


def agenda_is_a_heap(now: Glance) -> Iterator[str]:
    """What is due stands in order, under numbers of its own and the rank of its kind."""
    agenda = now.world.agenda
    if any(agenda[(place - 1) // 2] > item for place, item in enumerate(agenda) if place):
        yield "the agenda is out of order"
    numbers = {item.number for item in agenda}
    if len(numbers) != len(agenda) or max(numbers, default=0) > now.world.agenda_number:
        yield f"the agenda is numbered {sorted(numbers)}, up to {now.world.agenda_number}"
    for item in agenda:
        if AGENDA_RANK.get(item.action) != item.rank:
            yield f"{item.action} has rank {item.rank}"


def agenda_is_of_the_future(now: Glance) -> Iterator[str]:
    """Nothing on the agenda is overdue, and in explicit time there is nothing on it."""
    if now.world.agenda and not now.world.simulated:
        yield f"{now.world.agenda[0].action} is due in explicit time"
    for item in now.world.agenda:
        if item.t_s < now.now and not now.trust.ledger_frozen:
            yield f"{item.action} was due at {item.t_s} s, it is {now.now} s"


def runs_will_end(now: Glance) -> Iterator[str]:
    """In simulated time the end of every run that is in an analyser stands on the agenda."""
    due = {item.entity for item in now.world.agenda if item.action == "SYS_RUN_END"}
    for run in now.world.runs.values() if now.world.simulated else ():
        if not run.unloaded and now.kind(run.device_id) == "analyser" and run.run_id not in due:
            yield f"nothing will end {run.run_id}"


CHECKS: Final[tuple[StateCheck, ...]] = (
    work_waits_once,
    queued_is_waiting,
    queues_agree_with_their_entries,
    queues_are_in_order,
    stat_waits_apart,
    queue_entries_are_numbered,
    queues_fit,
    queued_work_suits_the_device,
    one_run_at_a_time,
    units_are_taken_while_they_run,
    runs_use_units_that_exist,
    runs_fit,
    runs_are_in_order,
    runs_are_of_known_specimens,
    loaded_specimens_are_of_a_loaded_run,
    unloaded_runs_have_ended,
    loaded_units_are_centrifuges_to_unload,
    active_runs_are_listed,
    spins_are_counted,
    separated_after_the_spin,
    faults_are_counted,
    suspects_are_of_the_device,
    controls_are_in_order,
    runs_between_controls_are_bounded,
    agenda_is_a_heap,
    agenda_is_of_the_future,
    runs_will_end,
)
