"""What happens by itself: arrivals, runs and their results, faults, alarms, consignments."""

import builtins
import copy
import io
import itertools
import os
import pickle
import subprocess
import sys
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labtrust_core.domains import open_policy
from labtrust_core.engine.context import EpisodeConfig
from labtrust_core.engine.engine import Engine
from labtrust_core.hospital_lab.things import Due

HAEM = "DEV_HAEM_01"
BLOOD = {
    "panel_id": "HAEM_PANEL_CORE",
    "container_type": "WHOLE_BLOOD_EDTA",
    "status": "accepted",
    "zone_id": "Z_ANALYZER_HALL_A",
}
SHIFT = {"crew": "standard", "workload": "district_smoke", "arrivals_until_s": 3600}


@cache
def policy():
    return open_policy()


def started(scenario=None, *, seed=1):
    engine = Engine(policy())
    config = EpisodeConfig("EP", seed, simulated=True, signatures_required=False)
    engine.reset(SHIFT if scenario is None else scenario, config)
    return engine


class Hand:
    """Sends events of agents, with ids of its own."""

    def __init__(self, engine):
        self.engine, self.numbers = engine, itertools.count()

    def do(self, agent, action, **args):
        event = {"event_id": f"h{next(self.numbers)}", "agent_id": agent, "action_type": action}
        return self.engine.step({**event, "t_s": self.engine.now, "args": args})


def running(specimen_id="S1", *, at=600, **scenario):
    """Return an engine with a blood count that has just been started as ``R1``."""
    engine = started({"specimens": [{**BLOOD, "specimen_id": specimen_id}], **scenario})
    engine.advance(at)
    hand = Hand(engine)
    assert hand.do("A_ANALYTICS", "QUEUE_RUN", device_id=HAEM, specimen_id=specimen_id).accepted
    engine.advance(at + 5)
    run = {"device_id": HAEM, "run_id": "R1", "specimen_ids": [specimen_id]}
    assert hand.do("A_ANALYTICS", "START_RUN", **run).accepted
    return engine


def kinds(results):
    return [item.event.action_type for item in results]


def arrivals(engine, until=3600):
    """Return what each specimen was when it arrived, by id."""
    found = {}
    for item in engine.advance(until):
        if item.event.action_type == "SYS_ARRIVAL":
            for specimen_id in item.data["specimen_ids"]:
                specimen = copy.copy(engine.ctx.world.specimens[specimen_id])
                specimen.place = specimen.status = ""
                found[specimen_id] = specimen
    return found


# Arrivals


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**53 - 1), steps=st.lists(st.integers(1, 900), max_size=8))
def test_arrivals_depend_on_the_seed_and_not_on_how_time_passes(seed, steps):
    whole, cut = started(seed=seed), started(seed=seed)
    expected = arrivals(whole)
    found = {}
    for until in itertools.accumulate(steps, initial=0):
        found.update(arrivals(cut, min(until, 3600)))
    found.update(arrivals(cut))
    assert found == expected
    assert expected


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 400)), max_size=12))
def test_each_specimen_is_the_same_whatever_agents_do(deeds):
    idle, busy = started(seed=9), started(seed=9)
    hand, found = Hand(busy), {}
    for deed, wait in deeds:
        found.update(arrivals(busy, min(3600, busy.now + wait)))
        first = next(iter(busy.ctx.world.specimens), "NONE")
        action, args = [
            ("CREATE_ACCESSION", {"specimen_id": first}),
            ("CHECK_ACCEPTANCE_RULES", {"specimen_id": first}),
            ("RETRIEVE", {"specimen_ids": [first]}),
        ][deed]
        hand.do("A_RECEPTION_0", action, **args)
    found.update(arrivals(busy))
    expected = arrivals(idle)
    for specimen in (*found.values(), *expected.values()):
        specimen.checked, specimen.id_match = False, None
    assert found == expected


def test_another_seed_brings_other_work():
    assert arrivals(started(seed=1)) != arrivals(started(seed=2))


# Runs, results, faults


def test_results_follow_a_minute_after_the_analyser_has_taken_a_blood_count_in():
    engine = running()
    assert kinds(engine.advance(640)) == []
    assert kinds(engine.advance(641)) == ["SYS_RUN_END"]
    assert kinds(engine.advance(700)) == []
    results = engine.advance(701)
    assert kinds(results) == [*["GENERATE_RESULT"] * 5, "SYS_AUTOVERIFY"]
    assert {item.event.t_s for item in results} == {701}


def test_an_analyser_takes_the_next_tube_while_results_are_pending():
    engine = running()
    engine.advance(641)
    assert engine.ctx.world.devices[HAEM].idle_unit(641) == 0
    assert list(engine.ctx.world.devices[HAEM].active) == ["R1"]
    engine.advance(701)
    assert not engine.ctx.world.devices[HAEM].active


def test_the_same_specimen_measures_the_same_whenever_it_is_run():
    values = []
    for at in (600, 1700):
        engine = running(at=at)
        engine.advance(at + 110)
        values.append({name: item.value for name, item in engine.ctx.world.results.items()})
    assert values[0] == values[1]
    assert len(values[0]) == 5


def test_unremarkable_results_go_out_by_themselves_and_others_wait_for_a_person():
    outcomes = set()
    for number in range(40):
        engine = running(f"S{number}")
        engine.advance(710)
        world = engine.ctx.world
        remarkable = any(
            not engine.ctx.tables.analytes[item.analyte].within_limits(item.value)
            or item.criticality != "NONE"
            for item in world.results.values()
        )
        specimen = world.specimens[f"S{number}"]
        assert (specimen.status == "released") is not remarkable
        assert (f"S{number}" in world.releasable) is remarkable
        outcomes.add(remarkable)
    assert outcomes == {False, True}


def test_a_broken_device_delays_its_run_and_its_results_for_as_long():
    engine = running()
    engine.ctx.world.break_down(engine.ctx.world.devices[HAEM], engine.now, 1000)
    assert kinds(engine.advance(1640)) == []
    assert kinds(engine.advance(1641)) == ["SYS_RUN_END"]
    assert kinds(engine.advance(1700)) == []
    assert kinds(engine.advance(1701))[0] == "GENERATE_RESULT"


def test_devices_break_and_are_repaired_by_turns():
    engine = started({}, seed=3)
    found = [item for item in engine.advance(10**7) if "DEVICE" in item.event.action_type]
    for device in ("DEV_CHEM_A_01", "DEV_CHEM_B_01", HAEM):
        own = kinds(item for item in found if item.event.args["device_id"] == device)
        assert len(own) > 10
        assert own[:4] == ["SYS_DEVICE_FAULT", "SYS_DEVICE_REPAIR"] * 2


def test_without_faults_nothing_ever_breaks():
    assert kinds(started({"faults": False}).advance(10**7)) == []


# Alarms, calls, consignments


def door_episode():
    place = [{"agent_id": "A_RUNNER", "zone_id": "Z_INGRESS_DOCK"}]
    engine = started({"agents": place, "faults": False})
    hand = Hand(engine)
    assert hand.do("A_RUNNER", "OPEN_DOOR", door_id="D_MAIN_INNER").accepted
    return engine, hand


def test_a_door_that_stays_open_raises_the_alarm_and_is_closed():
    engine, _ = door_episode()
    assert kinds(engine.advance(600)) == []
    (alarm,) = engine.advance(601)
    assert (alarm.emits, alarm.data["door_breaches"]) == (("ALARM",), ["D_MAIN_INNER"])
    assert engine.query("door_state('D_MAIN_INNER')")["open"] is False


def test_a_door_that_was_closed_and_opened_again_has_its_whole_time():
    engine, hand = door_episode()
    engine.advance(500)
    assert hand.do("A_RUNNER", "CLOSE_DOOR", door_id="D_MAIN_INNER").accepted
    engine.advance(502)
    assert hand.do("A_RUNNER", "OPEN_DOOR", door_id="D_MAIN_INNER").accepted
    assert kinds(engine.advance(1102)) == []
    assert engine.query("door_state('D_MAIN_INNER')")["open_duration_s"] == 600
    assert kinds(engine.advance(1103)) == ["SYS_DOOR_ALARM"]


def critical_episode():
    for number in range(100):
        engine = running(f"S{number}")
        engine.advance(710)
        if engine.ctx.world.critical_open:
            return engine, next(iter(engine.ctx.world.critical_open))
    raise AssertionError("no critical result among a hundred")


def test_a_critical_result_that_nobody_answers_raises_the_alarm_after_the_first_wait():
    engine, result_id = critical_episode()
    assert kinds(engine.advance(1000)) == []
    timeouts = [item.data for item in engine.advance(1001)]
    assert {"reason_code": "CRIT_ACK_TIMEOUT", "result_id": result_id} in timeouts


def test_an_answered_critical_result_raises_no_alarm():
    engine, result_id = critical_episode()
    for item in list(engine.ctx.world.critical_open):
        engine.ctx.world.results[item].acknowledged_s = engine.now
        del engine.ctx.world.critical_open[item]
    assert "SYS_CRITICAL_TIMEOUT" not in kinds(engine.advance(5000))
    assert result_id not in engine.ctx.world.critical_open


def test_a_consignment_is_ticked_on_the_way_and_arrives_once():
    place = [{"agent_id": "A_RECEPTION", "zone_id": "Z_ACUTE_RECEPTION"}]
    tube = {**BLOOD, "specimen_id": "S1", "zone_id": "Z_ACUTE_RECEPTION"}
    rack = {"rack_id": "RK1", "specimen_ids": ["S1"], "sealed_by": "A_RECEPTION"}
    engine = started({"agents": place, "specimens": [tube], "racks": [rack], "faults": False})
    ends = {"origin_site": "SITE_ACUTE", "dest_site": "SITE_HUB"}
    sent = Hand(engine).do("A_RECEPTION", "DISPATCH_TRANSPORT", specimen_ids=["S1"], **ends)
    assert sent.accepted
    consignment = engine.ctx.world.consignments["CONS_1"]
    assert (consignment.departs_s, consignment.expected_s) == (0, 600)
    assert consignment.arrives_s > 300
    found = engine.advance(10_000)
    ticks = (consignment.arrives_s - 1) // 60
    assert kinds(found) == ["TRANSPORT_TICK"] * ticks + ["SYS_CONSIGNMENT_ARRIVAL"]
    assert found[-1].event.t_s == consignment.arrives_s


def test_what_ends_comes_before_what_begins_in_the_same_second():
    world = started({"faults": False}).ctx.world
    for action in ("SYS_ARRIVAL", "SYS_DEVICE_FAULT", "GENERATE_RESULT", "SYS_RUN_END"):
        world.schedule(50, action, "x")
    taken = [world.next_due(50) for _ in range(4)]
    assert all(isinstance(item, Due) for item in taken)
    assert [item.action for item in taken] == [
        "SYS_RUN_END",
        "GENERATE_RESULT",
        "SYS_DEVICE_FAULT",
        "SYS_ARRIVAL",
    ]


# The same again


def work(engine, prefix, until):
    """Let the reception work for a while; return the outcomes."""
    outcomes = []
    number = 0
    while engine.now < until:
        engine.advance(min(until, engine.now + 45))
        for specimen_id in list(
            engine.ctx.world.here("zone:Z_SRA_RECEPTION", "arrived_at_reception")
        ):
            event = {
                "event_id": f"{prefix}{number}",
                "t_s": engine.now,
                "agent_id": "A_RECEPTION_0",
            }
            args = {"specimen_id": specimen_id}
            result = engine.step({**event, "action_type": "CREATE_ACCESSION", "args": args})
            outcomes.append((result.status, result.head_hash))
            number += 1
    return outcomes


PROGRAM = """
from labtrust_core.domains import open_policy
from labtrust_core.engine.context import EpisodeConfig
from labtrust_core.engine.engine import Engine
engine = Engine(open_policy())
scenario = {"crew": "multi_site", "workload": "multi_site_smoke", "arrivals_until_s": 3000}
engine.reset(scenario, EpisodeConfig("EP", 7, True, False), sink=lambda line: None)
for number in range(200):
    engine.advance(number * 20)
    for agent in sorted(engine.ctx.world.agents):
        args = {"specimen_id": next(iter(engine.ctx.world.specimens), "NONE"), "to_zone": "Z_X"}
        for action in ("CREATE_ACCESSION", "MOVE", "RETRIEVE"):
            engine.step({"event_id": f"{number}{agent}{action}", "t_s": engine.now,
                         "agent_id": agent, "action_type": action, "args": args})
print(engine.finish(), engine.chain.length)
"""


def test_the_ledger_is_the_same_in_every_process_folder_and_hash_seed(tmp_path):
    printed = set()
    for hash_seed in ("0", "1", "4242"):
        folder = tmp_path / hash_seed
        folder.mkdir()
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        printed.add(done.stdout)
    assert len(printed) == 1


def _restored(engine):
    other = Engine(policy())
    other.restore(engine.snapshot())
    return other


def _pickled(engine):
    engine.ctx.world = pickle.loads(pickle.dumps(engine.ctx.world))  # noqa: S301 - own bytes
    return engine


@pytest.mark.parametrize("twin", [_restored, _pickled, copy.deepcopy])
def test_an_episode_that_was_copied_half_way_goes_on_in_the_same_way(twin):
    straight = started(seed=5)
    first = work(straight, "a", 1500)
    copied = started(seed=5)
    assert work(copied, "a", 1500) == first
    copied = twin(copied)
    assert work(copied, "b", 3600) == work(straight, "b", 3600)
    assert (copied.head, copied.digest()) == (straight.head, straight.digest())


def test_a_reset_reads_no_file_and_starts_the_same_episode_again(monkeypatch):
    engine = started(seed=5)
    start = (engine.head, engine.digest())
    engine.advance(2000)

    def refuse(*_args, **_kwargs):
        raise AssertionError("a reset touched the disk")

    for module in (builtins, io, os):
        monkeypatch.setattr(module, "open", refuse)
    config = EpisodeConfig("EP", 5, simulated=True, signatures_required=False)
    engine.reset(SHIFT, config)
    again = (engine.head, engine.digest())
    monkeypatch.undo()
    assert again == start
