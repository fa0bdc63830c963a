"""The invariants of results each object when exactly they are broken, so that none is idle."""

import msgspec
import pytest
from labtrust_core.testing import invariants_of_results
from labtrust_core.testing.breaking import (
    Breakers,
    analyser,
    need,
    objectors_to_state,
    result,
    tube,
)

BREAKERS = Breakers()
breaks = BREAKERS.breaks


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
    need(now.world.simulated)
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


@pytest.mark.parametrize(("breaker", "names"), BREAKERS.cases, ids=BREAKERS.ids)
def test_what_is_broken_is_objected_to_by_its_invariant_and_no_other(breaker, names):
    assert objectors_to_state(breaker) == names


def test_every_invariant_is_broken_by_something():
    assert BREAKERS.idle(invariants_of_results.CHECKS) == set()
