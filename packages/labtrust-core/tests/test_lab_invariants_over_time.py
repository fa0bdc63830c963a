"""The invariants of changes each object when exactly they are broken, so that none is idle."""

import msgspec
import pytest
from labtrust_core.hospital_lab.queueing import QueueEntry
from labtrust_core.testing import invariants_over_time
from labtrust_core.testing.breaking import (
    Breakers,
    acceptance,
    consignment,
    need,
    objectors_to_change,
    refusal,
    result,
    run,
    token,
    tube,
)

BREAKERS = Breakers()
breaks = BREAKERS.breaks


@breaks("time_does_not_run_back")
def _(change):
    change.before.trust.now = change.after.now + 1


@breaks("every_event_is_one_record")
def _(change):
    change.after.length += 1


@breaks("refusals_change_nothing", "every_event_is_one_record")
def _(change):
    change.after.world.agents["A_QC"].busy_until += 1
    return (refusal(),)


@breaks("refusals_change_nothing", "every_event_is_one_record")
def _(change):
    change.after.trust.roster["A_NEW"] = "ROLE_QC"
    return (refusal(),)


@breaks("nothing_gets_lost")
def _(change):
    del change.after.world.results[result(change.after, "superseded").result_id]


@breaks("specimens_come_from_somewhere")
def _(change):
    again = msgspec.structs.replace(tube(change.after), specimen_id="S_NEW")
    change.after.world.specimens["S_NEW"] = again


@breaks("specimens_come_from_somewhere", "every_event_is_one_record")
def _(_change):
    return (acceptance("INJECT_SPECIMEN", specimen={"specimen_id": "S_LOST"}),)


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
    return (acceptance("STORE"),)


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
    token(change.after, "ACTIVE").state = "CONSUMED"


@breaks("used_tokens_are_used_up")
def _(change):
    token(change.after, "REVOKED").state = "ACTIVE"


@breaks("expired_tokens_are_not_used", "every_event_is_one_record")
def _(change):
    found = token(change.after, "ACTIVE")
    found.state = "CONSUMED"
    used = acceptance("NOOP", t_s=found.expires_at_s + 1)
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
    return (acceptance("NOOP"),)


@pytest.mark.parametrize(("breaker", "names"), BREAKERS.cases, ids=BREAKERS.ids)
def test_what_is_broken_is_objected_to_by_its_invariant_and_no_other(breaker, names):
    assert objectors_to_change(breaker) == names


def test_every_invariant_is_broken_by_something():
    assert BREAKERS.idle(invariants_over_time.CHECKS) == set()
