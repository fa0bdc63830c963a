"""The invariants of work each object when exactly they are broken, so that none is idle."""

from itertools import pairwise

import pytest
from labtrust_core.hospital_lab.quality_things import Suspect
from labtrust_core.testing import invariants_of_work
from labtrust_core.testing.breaking import Breakers, analyser, need, objectors_to_state, run, tube

BREAKERS = Breakers()
breaks = BREAKERS.breaks


@breaks("work_waits_once")
def _(now):
    machine = analyser(now, lambda item: item.queue.waiting)
    kind = now.tables.devices[machine.device_id].type
    other = analyser(
        now,
        lambda item: item is not machine and now.tables.devices[item.device_id].type is kind,
    )
    other.queue.push(next(iter(machine.queue.waiting)), 0, 0)


@breaks("queued_is_waiting")
def _(now):
    now.world.set_status(tube(now, "accepted", "aliquoted"), "queued")


@breaks("queued_is_waiting")
def _(now):
    now.world.set_status(tube(now, "queued"), "accepted")


@breaks("queues_agree_with_their_entries")
def _(now):
    machine = analyser(now, lambda item: item.queue.waiting)
    machine.queue.waiting[next(iter(machine.queue.waiting))] += 5


@breaks("queues_are_in_order")
def _(now):
    machine = analyser(now, lambda item: len(item.queue.other) > 1)
    machine.queue.other.reverse()
    need(machine.queue.other[0] > machine.queue.other[1])


@breaks("stat_waits_apart")
def _(now):
    machine = analyser(now, lambda item: item.queue.other and not item.queue.stat)
    machine.queue.stat, machine.queue.other = machine.queue.other, []


@breaks("queue_entries_are_numbered")
def _(now):
    analyser(now, lambda item: item.queue.waiting).queue.number = 0


@breaks("queues_fit")
def _(now):
    queue = now.world.devices["DEV_COAG_01"].queue
    for number in range(now.tables.devices["DEV_COAG_01"].type.queue_capacity):
        queue.push(f"WORK{number}", 1, 0)
    queue.push("WORK", 1, 0)


@breaks("queues_fit")
def _(now):
    now.world.devices["DEV_ALIQUOTER_01"].queue.push("WORK", 1, 0)


@breaks("queued_work_suits_the_device")
def _(now):
    tube(
        now, "queued", fits=lambda item: item.panel_id == "HAEM_PANEL_CORE"
    ).panel_id = "COAG_PANEL_CORE"


def _two_runs(now):
    runs = sorted(
        now.world.runs.values(), key=lambda item: (item.device_id, item.unit, item.started_s)
    )
    return next(
        pair
        for pair in pairwise(runs)
        if (pair[0].device_id, pair[0].unit) == (pair[1].device_id, pair[1].unit)
        and now.kind(pair[0].device_id) == "analyser"
        and pair[1].ends_s < now.now
    )


@breaks("one_run_at_a_time")
def _(now):
    first, second = _two_runs(now)
    second.started_s = first.ends_s - 1


@breaks("units_are_taken_while_they_run")
def _(now):
    need(now.world.runs)
    last = list(now.world.runs.values())[-1]
    now.world.devices[last.device_id].unit_free_s[last.unit] = last.ends_s - 1


@breaks("runs_use_units_that_exist")
def _(now):
    now.world.devices["DEV_COAG_01"].unit_free_s.append(0)


@breaks("runs_use_units_that_exist", "loaded_units_are_centrifuges_to_unload")
def _(now):
    run(now, "centrifuge", unloaded=False).unit = 7


@breaks("runs_fit")
def _(now):
    found = run(now, "analyser", unloaded=True)
    found.specimen_ids.append(
        tube(now, fits=lambda item: item.specimen_id not in found.specimen_ids).specimen_id
    )


@breaks("runs_are_in_order")
def _(now):
    need(now.world.runs)
    list(now.world.runs.values())[-1].started_s = now.now + 5


@breaks("runs_are_in_order")
def _(now):
    need(not now.world.simulated)
    found = run(now, "analyser", unloaded=False)
    found.results_s = found.ends_s - 1


@breaks("runs_are_of_known_specimens")
def _(now):
    tube(now, fits=lambda item: item.run_id is None).run_id = "RUN_LOST"


@breaks("runs_are_of_known_specimens")
def _(now):
    run(now, "centrifuge", unloaded=False).specimen_ids.append("S_LOST")


@breaks("loaded_specimens_are_of_a_loaded_run")
def _(now):
    need(not now.world.simulated)
    loose = tube(
        now, "accepted", fits=lambda item: item.rack_id is None and item.place[:5] == "zone:"
    )
    now.world.put(loose, "device:DEV_COAG_01", now.now, None)


@breaks("unloaded_runs_have_ended", "separated_after_the_spin")
def _(now):
    need(not now.world.simulated)
    found = [item for item in now.world.runs.values() if now.kind(item.device_id) == "centrifuge"]
    need(found and found[-1].unloaded)
    found[-1].ends_s = found[-1].results_s = now.now + 5
    now.world.devices[found[-1].device_id].unit_free_s[found[-1].unit] = now.now + 5


@breaks("loaded_units_are_centrifuges_to_unload")
def _(now):
    now.world.devices["DEV_COAG_01"].loaded_units.append(0)


@breaks("loaded_units_are_centrifuges_to_unload")
def _(now):
    found = run(now, "centrifuge", unloaded=False)
    now.world.devices[found.device_id].loaded_units.remove(found.unit)


@breaks("active_runs_are_listed")
def _(now):
    found = run(now, "analyser", unloaded=False)
    del now.world.devices[found.device_id].active[found.run_id]


@breaks("active_runs_are_listed")
def _(now):
    found = run(now, "analyser", unloaded=True, fits=lambda item: item.results_s < now.now)
    now.world.devices[found.device_id].active[found.run_id] = None


@breaks("spins_are_counted")
def _(now):
    now.world.counts["spins"] = now.world.counts.get("spins", 0) + 1


@breaks("separated_after_the_spin")
def _(now):
    found = run(now, "centrifuge", unloaded=True)
    now.world.specimens[found.specimen_ids[0]].separated_s = found.ends_s - 1


@breaks("faults_are_counted")
def _(now):
    now.world.devices["DEV_COAG_01"].faults += 1


@breaks("suspects_are_of_the_device")
def _(now):
    machine = analyser(now, lambda item: item.qc_state == "pass")
    code = now.tables.quality.analytes[machine.device_id][0]
    machine.suspects = {code: Suspect("drift", ["2_2s"])}


@breaks("suspects_are_of_the_device")
def _(now):
    machine = analyser(now, lambda item: item.qc_state == "drift")
    machine.suspects = {"NO_ANALYTE": Suspect("drift", ["2_2s"])}


@breaks("controls_are_in_order")
def _(now):
    now.world.devices["DEV_COAG_01"].qc_at_s = now.now + 1


@breaks("runs_between_controls_are_bounded")
def _(now):
    now.world.devices["DEV_COAG_01"].runs_since_qc = 10**6


@breaks("agenda_is_a_heap")
def _(now):
    need(len(now.world.agenda) > 5)
    now.world.agenda.sort(reverse=True)


@breaks("agenda_is_a_heap")
def _(now):
    need(now.world.agenda)
    now.world.agenda_number = 0


@breaks("agenda_is_of_the_future")
def _(now):
    need(now.world.simulated)
    now.world.schedule(now.now - 1, "SYS_ARRIVAL", "late")


@breaks("agenda_is_of_the_future")
def _(now):
    need(not now.world.simulated)
    now.world.schedule(now.now + 1, "SYS_ARRIVAL", "never")


@breaks("runs_will_end")
def _(now):
    need(now.world.simulated)
    found = run(now, "analyser", unloaded=False)
    now.world.agenda = sorted(item for item in now.world.agenda if item.entity != found.run_id)


@pytest.mark.parametrize(("breaker", "names"), BREAKERS.cases, ids=BREAKERS.ids)
def test_what_is_broken_is_objected_to_by_its_invariant_and_no_other(breaker, names):
    assert objectors_to_state(breaker) == names


def test_every_invariant_is_broken_by_something():
    assert BREAKERS.idle(invariants_of_work.CHECKS) == set()
