"""Every invariant of the laboratory objects when exactly it is broken, so that none is idle."""

import inspect
import pickle
import random
from functools import cache
from itertools import pairwise

import msgspec
import pytest
from labtrust_core.hospital_lab.quality_things import Suspect
from labtrust_core.hospital_lab.queueing import QueueEntry
from labtrust_core.hospital_lab.things import Rack
from labtrust_core.testing.glance import Change, Glance, kept
from labtrust_core.testing.random_office_moves import some_move
from labtrust_core.testing.random_shift import Shift
from labtrust_core.testing.world_invariants import (
    CHANGE_INVARIANTS,
    STATE_INVARIANTS,
    Watch,
    objections,
    objections_to_change,
    statement,
)

STEPS, EVERY = 600, 20


@cache
def material():
    """Return healthy changes of several shifts, simulated and explicit."""
    found = []
    for seed, simulated in ((3, False), (4, True), (5, False)):
        rng = random.Random(seed)  # noqa: S311 - a fixed sequence of moves
        shift = Shift(seed, simulated=simulated)
        for number in range(STEPS):
            shift.wait(rng.choice([0, 0, 20, 90]))
            before = kept(shift.engine) if number % EVERY == 0 else None
            result = shift.do(some_move(shift.engine, rng))
            if before is not None:
                found.append(Change(before, kept(shift.engine), (result, *result.system_results)))
    return found


def twin(state):
    world, trust = pickle.loads(pickle.dumps((state.world, state.trust)))  # noqa: S301 - own bytes
    return Glance(world, state.tables, state.policy, trust, state.length)


def tube(now, *statuses, fits=lambda _: True):
    """Return a specimen with one of the statuses; StopIteration where there is none."""
    specimens = now.world.specimens.values()
    return next(
        item for item in specimens if (item.status in statuses or not statuses) and fits(item)
    )


def result(now, *statuses, fits=lambda _: True):
    results = now.world.results.values()
    return next(
        item for item in results if (item.status in statuses or not statuses) and fits(item)
    )


def run(now, kind, *, unloaded, fits=lambda _: True):
    runs = now.world.runs.values()
    return next(
        item
        for item in runs
        if now.kind(item.device_id) == kind and item.unloaded == unloaded and fits(item)
    )


def analyser(now, fits=lambda _: True):
    devices = now.world.devices.values()
    return next(item for item in devices if now.kind(item.device_id) == "analyser" and fits(item))


def consignment(now, *statuses):
    return next(item for item in now.world.consignments.values() if item.status in statuses)


def token(now, fits=lambda _: True):
    return next(
        item for item in now.trust.tokens.values() if item.minted_by is not None and fits(item)
    )


def need(condition):
    if not condition:
        raise StopIteration


def explicit(now):
    need(not now.world.simulated)


def simulated(now):
    need(now.world.simulated)


BREAKERS = {}
ALSO = {}


def breaks(name, *also):
    """Say which invariant a function breaks, and which others cannot but object, too."""

    def note(function):
        BREAKERS.setdefault(name, []).append(function)
        ALSO[function] = frozenset(also)
        return function

    return note


# Places.


@breaks("keys_are_ids")
def _(now):
    consignment(now, "received").consignment_id = "CONS_OTHER"


@breaks("one_place_at_a_time")
def _(now):
    now.world.at["zone:Z_WASTE_DISPOSAL|accepted"] = {next(iter(now.world.specimens)): None}


@breaks("one_place_at_a_time")
def _(now):
    now.world.at["zone:Z_WASTE_DISPOSAL|accepted"] = {}


@breaks("places_exist")
def _(now):
    moved = tube(now, "accepted", fits=lambda item: item.rack_id is None)
    now.world.put(moved, "zone:Z_MOON", now.now, None)


@breaks("carried_is_counted")
def _(now):
    now.world.counts["agent:A_QC"] = 3


@breaks("nobody_carries_too_much", "carried_is_counted")
def _(now):
    now.world.counts["agent:A_QC"] = now.tables.carry_limit + 1


@breaks("machines_hold_what_they_work_on")
def _(now):
    now.world.put(tube(now, "in_centrifuge", "in_analysis"), "zone:Z_PREANALYTICS", now.now, None)


@breaks("what_is_in_a_machine_is_being_worked_on")
def _(now):
    simulated(now)
    now.world.set_status(tube(now, "in_analysis"), "analysed")


@breaks("travellers_are_in_transit")
def _(now):
    now.world.set_status(tube(now, "in_transit"), "accepted")


@breaks("aliquots_are_one_to_one")
def _(now):
    now.world.aliquots["AL_LOST"] = next(iter(now.world.specimens))


@breaks("aliquots_are_one_to_one")
def _(now):
    first, second = list(now.world.specimens.values())[:2]
    need(first.aliquot_id is None)
    first.aliquot_id = second.specimen_id
    now.world.aliquots[second.specimen_id] = first.specimen_id


@breaks("aliquots_are_one_to_one")
def _(now):
    alias = next(iter(now.world.aliquots))
    tube(now, fits=lambda item: item.aliquot_id is None).aliquot_id = alias


@breaks("exposures_are_in_order")
def _(now):
    moved = next(iter(now.world.specimens.values()))
    moved.exposures = [(now.now + 9, moved.temp_band)]


@breaks("exposures_end_in_the_present_band")
def _(now):
    next(iter(now.world.specimens.values())).exposures = [(0, "FROZEN_M20")]


@breaks("nothing_is_in_the_future")
def _(now):
    tube(now, "accepted").accepted_s = now.now + 1


@breaks("requests_are_counted")
def _(now):
    simulated(now)
    now.world.arrivals[next(iter(now.world.arrivals))] += 1


@breaks("people_are_somewhere")
def _(now):
    now.world.agents["A_QC"].zone = "Z_MOON"


@breaks("people_get_free_again")
def _(now):
    now.world.agents["A_QC"].busy_until = now.now + 10**6


@breaks("doors_open_in_the_past")
def _(now):
    now.world.doors["D_MAIN_INNER"].open_since = now.now + 5


@breaks("doors_open_in_the_past")
def _(now):
    del now.world.doors["D_MAIN_INNER"]


@breaks("doors_do_not_stay_open")
def _(now):
    simulated(now)
    need(now.now > 700)
    now.world.doors["D_MAIN_INNER"].open_since = now.now - 601


@breaks("only_open_doors_are_granted")
def _(now):
    door = now.world.doors["D_WASTE"]
    need(door.open_since is None)
    door.granted_to = "A_RUNNER"


@breaks("stock_is_never_negative")
def _(now):
    now.world.stock["R_HAEM_CORE"] = -1


@breaks("open_consignments_are_listed")
def _(now):
    now.world.in_transit[consignment(now, "received").consignment_id] = None


@breaks("travellers_are_on_the_list")
def _(now):
    consignment(now, "in_transit", "arrived").specimen_ids.clear()


@breaks("received_consignments_are_complete")
def _(now):
    consignment(now, "received").signed_dest_by = None


@breaks("received_consignments_are_complete")
def _(now):
    consignment(now, "received").received_by = None


@breaks("received_consignments_are_complete")
def _(now):
    consignment(now, "in_transit", "arrived").received_s = 0


@breaks("received_consignments_were_cold_enough")
def _(now):
    consignment(now, "received").worst_milli_c = 10**4


@breaks("received_consignments_were_cold_enough")
def _(now):
    consignment(now, "received").seal_intact = False


@breaks("worst_is_the_worst")
def _(now):
    item = consignment(now, "in_transit", "arrived", "received", "refused")
    item.drift_milli_c = -item.worst_milli_c - 1


@breaks("trips_are_in_order")
def _(now):
    item = consignment(now, "received")
    item.dispatched_s = item.departs_s + 1


@breaks("arrivals_are_noticed")
def _(now):
    simulated(now)
    consignment(now, "in_transit").status = "arrived"


@breaks("racks_hold_their_specimens")
def _(now):
    now.world.racks["RACK_EMPTY"] = Rack("RACK_EMPTY", "zone:Z_INGRESS_DOCK", {})


@breaks("racks_hold_their_specimens")
def _(now):
    rack = next(item for item in now.world.racks.values() if item.sealed_by is None)
    rack.place = "zone:Z_MOON"


@breaks("racked_specimens_are_in_their_rack")
def _(now):
    tube(now, "accepted", fits=lambda item: item.rack_id is None).rack_id = "RACK_LOST"


@breaks("racks_travel_sealed")
def _(now):
    racks = now.world.racks.values()
    next(item for item in racks if item.place.startswith("consignment:")).sealed_by = None


# Work.


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
    explicit(now)
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
    explicit(now)
    loose = tube(
        now, "accepted", fits=lambda item: item.rack_id is None and item.place[:5] == "zone:"
    )
    now.world.put(loose, "device:DEV_COAG_01", now.now, None)


@breaks("unloaded_runs_have_ended", "separated_after_the_spin")
def _(now):
    explicit(now)
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
    simulated(now)
    now.world.schedule(now.now - 1, "SYS_ARRIVAL", "late")


@breaks("agenda_is_of_the_future")
def _(now):
    explicit(now)
    now.world.schedule(now.now + 1, "SYS_ARRIVAL", "never")


@breaks("runs_will_end")
def _(now):
    simulated(now)
    found = run(now, "analyser", unloaded=False)
    now.world.agenda = sorted(item for item in now.world.agenda if item.entity != found.run_id)


# Results.


@breaks("results_belong_to_their_specimen")
def _(now):
    found = result(now, "superseded")
    now.world.specimens[found.specimen_id].results.remove(found.result_id)


@breaks("no_result_without_a_run")
def _(now):
    result(now, fits=lambda item: item.run_id is not None).run_id = "RUN_LOST"


@breaks("no_result_without_a_run")
def _(now):
    found = result(now, fits=lambda item: item.run_id is not None)
    now.world.runs[found.run_id].specimen_ids = [
        tube(now, fits=lambda item: item.specimen_id != found.specimen_id).specimen_id
    ]
    now.world.specimens[found.specimen_id].run_id = None
    need(not now.world.specimens[found.specimen_id].place.startswith("device:"))


@breaks("no_result_before_its_run_has_ended")
def _(now):
    found = result(now, "generated", fits=lambda item: item.run_id is not None)
    found.generated_s = now.now + 1


@breaks("results_are_of_their_panel")
def _(now):
    result(now, fits=lambda item: item.panel_id == "HAEM_PANEL_CORE").panel_id = "COAG_PANEL_CORE"


@breaks("values_are_classified")
def _(now):
    result(now, "superseded", fits=lambda item: item.value is not None).unit = "stone"


@breaks("values_are_classified")
def _(now):
    found = result(now, "superseded", fits=lambda item: item.value is not None)
    need(found.criticality == "NONE")
    found.criticality = "CRIT_A"


@breaks("one_current_result_per_analyte")
def _(now):
    found = result(now, "generated", fits=lambda item: item.run_id and item.criticality == "NONE")
    again = msgspec.structs.replace(found, result_id="AGAIN")
    now.world.results["AGAIN"] = again
    now.world.specimens[found.specimen_id].results.append("AGAIN")


@breaks("held_results_say_why")
def _(now):
    result(now, "held").hold_reason = None


@breaks("what_is_out_was_released")
def _(now):
    result(now, "released", fits=lambda item: not item.autoverified).released_by = None


@breaks("what_is_out_was_released")
def _(now):
    result(now, "generated", "held").released_s = now.now


@breaks("no_critical_result_is_out_unknown", "open_calls_are_listed")
def _(now):
    found = result(now, "released", fits=lambda item: item.acknowledged_s is not None)
    found.acknowledged_s = None


@breaks("who_measures_does_not_release")
def _(now):
    found = result(now, "released", fits=lambda item: item.run_id and not item.autoverified)
    found.released_by = now.world.runs[found.run_id].started_by


@breaks("the_laboratory_releases_what_it_verifies")
def _(now):
    result(now, "released", fits=lambda item: not item.autoverified).autoverified = True


@breaks("released_specimens_have_their_results_out")
def _(now):
    found = tube(now, "rejected", fits=lambda item: not item.results)
    now.world.set_status(found, "released")


@breaks("waiting_for_release_is_listed")
def _(now):
    now.world.releasable[tube(now, "accepted").specimen_id] = None


@breaks("waiting_for_release_is_listed")
def _(now):
    found = tube(now, "accepted", fits=lambda item: not item.results)
    now.world.set_status(found, "analysed")
    now.world.releasable[found.specimen_id] = None


@breaks("what_was_not_released_by_itself_waits")
def _(now):
    simulated(now)
    runs = now.world.runs
    listed = now.world.releasable
    del listed[next(item for item in listed if now.world.specimens[item].run_id in runs)]


@breaks("open_calls_are_listed")
def _(now):
    now.world.critical_open[result(now, fits=lambda item: item.criticality == "NONE").result_id] = (
        None
    )


@breaks("calls_are_about_critical_results", "acknowledged_after_a_call")
def _(now):
    result(now, fits=lambda item: item.criticality == "NONE").acknowledged_s = 0


@breaks("calls_are_in_order")
def _(now):
    result(now, fits=lambda item: item.attempts).attempts[0].tier = 3


@breaks("calls_are_in_order")
def _(now):
    found = result(now, fits=lambda item: item.attempts and item.acknowledged_s is None)
    found.attempts[0].at_s = now.now + 1


@breaks("acknowledged_after_a_call")
def _(now):
    found = result(now, fits=lambda item: item.acknowledged_s is not None)
    for attempt in found.attempts:
        attempt.acknowledged = False


@breaks("amendments_replace_what_was_out")
def _(now):
    found = result(now, fits=lambda item: item.amends is not None)
    found.amends = None


@breaks("amendments_replace_what_was_out", "one_current_result_per_analyte")
def _(now):
    found = result(now, fits=lambda item: item.amends is not None)
    now.world.results[found.amends].status = "released"


@breaks("amendments_come_later")
def _(now):
    found = result(now, fits=lambda item: item.amends is not None)
    original = now.world.results[found.amends]
    need(found.generated_s < now.now)
    original.generated_s = original.released_s = found.generated_s + 1


@breaks("investigations_are_held_by_their_device")
def _(now):
    machine = analyser(now, lambda item: item.investigation is not None)
    machine.investigation = None


@breaks("investigations_are_held_by_their_device")
def _(now):
    analyser(
        now, lambda item: item.qc_state == "fail" and item.investigation and not item.suspects
    ).qc_state = "pass"


@breaks("investigations_are_in_order")
def _(now):
    found = next(item for item in now.world.investigations.values() if item.closed_s is not None)
    found.opened_s = found.closed_s + 1


@breaks("investigations_list_what_they_concern")
def _(now):
    next(iter(now.world.investigations.values())).released["R_LOST"] = None


@breaks("investigations_list_what_they_concern")
def _(now):
    result(now, fits=lambda item: item.investigation_id is None).investigation_id = "QCI_99"


@breaks("devices_remember_since_the_last_good_control")
def _(now):
    machine = analyser(now, lambda item: item.results_since_good)
    machine.results_since_good.append(machine.results_since_good[0])


@breaks("devices_remember_since_the_last_good_control")
def _(now):
    now.world.devices["DEV_COAG_01"].results_since_good.append("R_LOST")


@breaks("add_ons_are_asked_of_known_specimens")
def _(now):
    now.world.add_ons[
        tube(now, "accepted", fits=lambda item: item.released_s is None).specimen_id
    ] = "BIOCHEM_TSH_ADDON"


@breaks("repeats_are_of_released_specimens")
def _(now):
    now.world.repeats["S_LOST"] = None


@breaks("baselines_are_released_values")
def _(now):
    patient = next(iter(now.world.baselines))
    values = now.world.baselines[patient]
    code = next(iter(values))
    values[code] = msgspec.structs.replace(values[code], value=values[code].value + 1)


@breaks("differences_are_from_their_base")
def _(now):
    result(now, fits=lambda item: item.delta is not None).delta += 1


# Trust.


@breaks("tokens_are_filed_and_unique")
def _(now):
    now.trust.tokens["T_OTHER"] = now.trust.tokens.pop(token(now).token_id)


@breaks("tokens_live_for_a_while")
def _(now):
    token(now).expires_at_s += 1


@breaks("tokens_are_of_their_type")
def _(now):
    token(now).subject_id = ""


@breaks("tokens_are_of_their_type")
def _(now):
    token(now).reason_code = "INT_CLOTTED"


@breaks("tokens_have_their_approvals")
def _(now):
    found = token(now)
    found.approvers = found.approvers[1:]


@breaks("tokens_have_their_approvals")
def _(now):
    found = token(now)
    found.minted_by = found.approvers[0]


@breaks("roles_exist")
def _(now):
    now.trust.roster["A_QC"] = "ROLE_KING"


@breaks("duties_stay_separate")
def _(now):
    now.trust.held["A_SECURITY"].add("ROLE_SUPERVISOR")


@breaks("containment_is_of_what_exists")
def _(now):
    now.trust.containment.zones["Z_MOON"] = 5


STATE_BREAKERS = dict(BREAKERS)
BREAKERS.clear()


# Changes. Where nothing is said of it, nothing has happened between the two states.


@breaks("time_does_not_run_back")
def _(change):
    change.before.trust.now = change.after.now + 1


@breaks("every_event_is_one_record")
def _(change):
    change.after.length += 1


def _refusal():
    return next(item for change in material() for item in change.events if not item.accepted)


def _acceptance(action, t_s=0, **args):
    """Return an accepted event that did nothing, as far as its outcome says."""
    one = next(item for change in material() for item in change.events if item.accepted)
    event = msgspec.structs.replace(
        one.event, action_type=action, agent_id="A_RECEPTION", args=args, t_s=t_s
    )
    return msgspec.structs.replace(one, event=event, origin="agent", token_consumed=(), data={})


@breaks("refusals_change_nothing", "every_event_is_one_record")
def _(change):
    change.after.world.agents["A_QC"].busy_until += 1
    return (_refusal(),)


@breaks("refusals_change_nothing", "every_event_is_one_record")
def _(change):
    change.after.trust.roster["A_NEW"] = "ROLE_QC"
    return (_refusal(),)


@breaks("nothing_gets_lost")
def _(change):
    del change.after.world.results[result(change.after, "superseded").result_id]


@breaks("specimens_come_from_somewhere")
def _(change):
    again = msgspec.structs.replace(tube(change.after), specimen_id="S_NEW")
    change.after.world.specimens["S_NEW"] = again


@breaks("specimens_come_from_somewhere", "every_event_is_one_record")
def _(_change):
    return (_acceptance("INJECT_SPECIMEN", specimen={"specimen_id": "S_LOST"}),)


@breaks("statuses_follow_the_work")
def _(change):
    change.after.world.set_status(tube(change.after, "rejected"), "accepted")


@breaks("what_is_put_aside_has_a_reason")
def _(change):
    change.after.world.set_status(tube(change.after, "accepted"), "held")


@breaks("exposures_are_only_added")
def _(change):
    tube(change.before).exposures.append((0, "FROZEN_M20"))


@breaks("people_walk_one_way_at_a_time")
def _(change):
    change.after.world.agents["P_SPARE"].zone = "Z_COLD_FREEZER"


@breaks("nobody_reaches_through_walls", "every_event_is_one_record")
def _(change):
    far = tube(change.after, "accepted", fits=lambda item: item.place == "zone:Z_ACUTE_RECEPTION")
    need(far.rack_id is None)
    change.after.world.put(far, "zone:Z_COLD_FRIDGE", change.after.now, far.temp_band)
    return (_acceptance("STORE"),)


def _new_run(change, kind="analyser"):
    """Let a run of the state have begun just now, at the head of the queue."""
    found = run(change.after, kind, unloaded=False)
    del change.before.world.runs[found.run_id]
    queue = change.before.world.devices[found.device_id].queue
    queue.stat, queue.other, queue.waiting = [], [QueueEntry(1, 0, 1, found.specimen_ids[0])], {}
    return found


@breaks("runs_start_at_the_head_of_the_queue", "stock_is_accounted_for")
def _(change):
    found = _new_run(change)
    change.before.world.devices[found.device_id].queue.other.clear()


@breaks("runs_start_on_good_devices", "stock_is_accounted_for")
def _(change):
    change.before.world.devices[_new_run(change).device_id].fault_until = 10**9


@breaks("runs_start_on_good_devices", "stock_is_accounted_for")
def _(change):
    change.before.world.devices[_new_run(change).device_id].qc_state = "fail"


@breaks("runs_keep_what_they_are")
def _(change):
    run(change.after, "analyser", unloaded=False).ends_s -= 1


@breaks("runs_keep_what_they_are")
def _(change):
    run(change.after, "analyser", unloaded=True).unloaded = False


@breaks("results_keep_what_they_say")
def _(change):
    result(change.after, "released", fits=lambda item: item.value is not None).value += 1


@breaks("releases_are_final")
def _(change):
    result(change.after, "released").released_s += 1


@breaks("result_statuses_follow_the_work")
def _(change):
    result(change.after, "released").status = "held"


@breaks("nothing_is_released_against_its_controls")
def _(change):
    found = result(change.after, "generated", fits=lambda item: item.device_id)
    found.status = "released"
    machine = change.after.world.devices[found.device_id]
    machine.qc_state, machine.suspects = "fail", {}


@breaks("nothing_is_released_against_its_controls")
def _(change):
    found = result(change.after, "generated", fits=lambda item: item.device_id)
    found.status = "released"
    machine = change.after.world.devices[found.device_id]
    machine.qc_state, machine.suspects = "drift", {}


@breaks("held_results_go_out_by_token")
def _(change):
    world = change.after.world
    found = result(change.after, "held", fits=lambda item: item.device_id)
    need(world.devices[found.device_id].qc_state == "pass")
    found.status = "released"


@breaks("calls_are_only_added")
def _(change):
    result(change.after, fits=lambda item: item.attempts).attempts.clear()


@breaks("stock_is_accounted_for")
def _(change):
    change.after.world.stock["R_HAEM_CORE"] += 1


@breaks("custody_is_not_unsigned")
def _(change):
    consignment(change.after, "received").signed_origin_by = None


@breaks("custody_is_not_unsigned")
def _(change):
    consignment(change.after, "received").status = "arrived"


@breaks("custody_is_signed_after_the_road")
def _(change):
    found = consignment(change.after, "in_transit")
    need(found.signed_dest_by is None and found.arrives_s > change.after.now)
    found.signed_dest_by = "P_DOCK"


@breaks("used_tokens_are_used_up")
def _(change):
    token(change.after, lambda item: item.state == "ACTIVE").state = "CONSUMED"


@breaks("used_tokens_are_used_up")
def _(change):
    token(change.after, lambda item: item.state == "REVOKED").state = "ACTIVE"


@breaks("expired_tokens_are_not_used", "every_event_is_one_record")
def _(change):
    found = token(change.after, lambda item: item.state == "ACTIVE")
    found.state = "CONSUMED"
    used = _acceptance("NOOP", t_s=found.expires_at_s + 1)
    return (msgspec.structs.replace(used, token_consumed=(found.token_id,)),)


@breaks("tokens_keep_what_they_are")
def _(change):
    token(change.after).subject_id = "S_OTHER"


@breaks("duties_are_remembered")
def _(change):
    change.after.trust.held["A_QC"].clear()


@breaks("a_frozen_ledger_stops_everything")
def _(change):
    change.before.trust.ledger_frozen = True


@breaks("a_frozen_ledger_stops_everything", "every_event_is_one_record")
def _(change):
    change.before.trust.ledger_frozen = change.after.trust.ledger_frozen = True
    return (_acceptance("NOOP"),)


CHANGE_BREAKERS = dict(BREAKERS)


def cases(breakers):
    return [(name, function) for name, functions in breakers.items() for function in functions]


def numbered(breakers):
    return [f"{name}-{number}" for number, (name, _) in enumerate(cases(breakers))]


@pytest.mark.parametrize(("name", "breaker"), cases(STATE_BREAKERS), ids=numbered(STATE_BREAKERS))
def test_a_broken_state_is_objected_to_by_its_invariant_and_no_other(name, breaker):
    for change in material():
        state = twin(change.after)
        try:
            breaker(state)
        except StopIteration:
            continue
        assert objections(state).keys() == {name, *ALSO[breaker]}
        return
    pytest.fail("no state of the material has what is to be broken")


@pytest.mark.parametrize(("name", "breaker"), cases(CHANGE_BREAKERS), ids=numbered(CHANGE_BREAKERS))
def test_a_broken_change_is_objected_to_by_its_invariant_and_no_other(name, breaker):
    for healthy in material():
        change = Change(twin(healthy.after), twin(healthy.after), ())
        try:
            events = breaker(change) or ()
        except StopIteration:
            continue
        change = Change(change.before, change.after, events)
        assert objections_to_change(change).keys() == {name, *ALSO[breaker]}
        return
    pytest.fail("no state of the material has what is to be broken")


def test_every_invariant_is_broken_by_something():
    assert STATE_BREAKERS.keys() == STATE_INVARIANTS.keys()
    assert CHANGE_BREAKERS.keys() == CHANGE_INVARIANTS.keys()


def test_nobody_objects_to_what_is_healthy():
    for change in material():
        assert objections(change.after) == {}
        assert objections_to_change(change) == {}


def test_every_invariant_says_in_a_sentence_what_holds():
    for name, check in {**STATE_INVARIANTS, **CHANGE_INVARIANTS}.items():
        assert inspect.getdoc(check).startswith(statement(name))
        assert statement(name).endswith(".")


def test_a_watch_says_which_invariants_do_not_hold_and_after_what():
    shift = Shift(1, simulated=False)
    watch = Watch(shift.engine, without=["people_walk_one_way_at_a_time"])
    shift.engine.ctx.world.agents["A_QC"].zone = "Z_COLD_FREEZER"
    watch.see()
    shift.engine.ctx.world.stock["R_HAEM_CORE"] = -1
    with pytest.raises(AssertionError) as caught:
        watch.see()
    assert "2 invariants do not hold" in str(caught.value)
    assert "stock_is_never_negative: -1 of R_HAEM_CORE are left" in str(caught.value)
    assert "stock_is_accounted_for" in str(caught.value)
