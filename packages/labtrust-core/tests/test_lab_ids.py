"""Ids that callers choose neither replace nor take over anything of the laboratory's own."""

import pytest
from labtrust_core.hospital_lab.queueing import WorkQueue
from labtrust_core.testing.laboratory import Laboratory, placed

HAEM = "DEV_HAEM_01"
CHEM = {"panel_id": "BIOCHEM_PANEL_CORE", "container_type": "SERUM_SST", "separated_ts_s": 0}
BLOOD = {"panel_id": "HAEM_PANEL_CORE", "container_type": "WHOLE_BLOOD_EDTA", "status": "accepted"}


def tubes(kind, zone, *names, **fields):
    return [{**kind, "specimen_id": name, "zone_id": zone, **fields} for name in names]


class Lab(Laboratory):
    """An episode with some tubes and people, in which time is told by waiting."""

    def __init__(self, specimens, *, partner=None, simulated=False, places=None, **scenario):
        stated = {"agents": placed(places), "specimens": specimens, **scenario}
        super().__init__(stated, partner=partner, simulated=simulated)

    def do(self, agent, action, args, *, wait=0):
        if self.world.simulated:
            self.engine.advance(self.engine.now + wait)
            wait = 0
        return super().do(agent, action, args, at=self.engine.now + wait)

    def run(self, run_id, specimen_id, *, wait=10, **queue):
        args = {"device_id": HAEM, "specimen_id": specimen_id, **queue}
        assert self.do("A_ANALYTICS", "QUEUE_RUN", args, wait=wait).accepted
        run = {"device_id": HAEM, "run_id": run_id, "specimen_ids": [specimen_id]}
        return self.do("A_ANALYTICS", "START_RUN", run, wait=10)


@pytest.mark.parametrize("aliquot", ["S2", "", "AL0"])
def test_an_aliquot_does_not_take_the_name_of_another_tube(aliquot):
    specimens = [
        *tubes(CHEM, "Z_ALIQUOT_LABEL", "S1", "S2", status="separated"),
        *tubes(CHEM, "Z_ALIQUOT_LABEL", "S0", status="aliquoted", aliquot_id="AL0"),
    ]
    lab = Lab(specimens, places={"A_RUNNER": "Z_ALIQUOT_LABEL"})
    args = {"device_id": "DEV_ALIQUOTER_01", "specimen_id": "S1", "aliquot_id": aliquot}
    result = lab.do("A_RUNNER", "ALIQUOT_CREATE", args)
    assert result.blocked_reason_code == "RC_ALIQUOT_DUPLICATE"


def test_one_aliquot_is_drawn_from_one_tube():
    specimens = tubes(CHEM, "Z_ALIQUOT_LABEL", "S1", "S2", status="separated")
    lab = Lab(specimens, places={"A_RUNNER": "Z_ALIQUOT_LABEL"})
    args = {"device_id": "DEV_ALIQUOTER_01", "specimen_ids": ["S1", "S2"], "aliquot_id": "AL"}
    assert lab.do("A_RUNNER", "ALIQUOT_CREATE", args).blocked_reason_code == "RC_BATCH_SIZE"


def test_a_tube_is_meant_by_its_own_name_even_if_an_aliquot_bears_it():
    specimens = tubes(CHEM, "Z_ALIQUOT_LABEL", "S1", status="separated")
    args = {"device_id": "DEV_ALIQUOTER_01", "specimen_id": "S1", "aliquot_id": "S_hub_00000"}
    work = {"workload": "district_smoke", "arrivals_until_s": 3600}
    places = {"A_RUNNER": "Z_ALIQUOT_LABEL"}
    lab = Lab(specimens, simulated=True, places=places, **work)
    assert lab.do("A_RUNNER", "ALIQUOT_CREATE", args).accepted
    one = {"specimen_id": "S_hub_00000"}
    assert lab.do("A_RECEPTION", "CREATE_ACCESSION", one, wait=600).accepted
    assert lab.engine.query("specimen_status('S_hub_00000')") == "accessioning"
    assert lab.engine.query("specimen_status('S1')") == "aliquoted"


@pytest.mark.parametrize("run_id", ["a|b", "R|1|2", '"', "ü", " "])
def test_any_run_id_gets_its_results(run_id):
    lab = Lab(tubes(BLOOD, "Z_ANALYZER_HALL_A", "S1"), simulated=True)
    assert lab.run(run_id, "S1", wait=600).accepted
    actions = [item.event.action_type for item in lab.engine.advance(900)]
    assert actions == ["SYS_RUN_END", *["GENERATE_RESULT"] * 4, "SYS_AUTOVERIFY"]
    assert {item.run_id for item in lab.world.results.values()} == {run_id}


def test_a_spin_does_not_replace_a_run_of_that_name():
    specimens = [
        *tubes(BLOOD, "Z_ANALYZER_HALL_A", "S1"),
        *tubes(CHEM, "Z_CENTRIFUGE_BAY", "S2", status="accepted"),
    ]
    lab = Lab(specimens, simulated=True, places={"A_PREAN": "Z_CENTRIFUGE_BAY"})
    assert lab.run("SPIN_1", "S1", wait=600).accepted
    spin = {"device_id": "DEV_CENTRIFUGE_BANK_01", "specimen_ids": ["S2"]}
    assert lab.do("A_PREAN", "CENTRIFUGE_START", spin).data == {"run_id": "SPIN_1_2"}
    lab.engine.advance(1000)
    assert lab.engine.query("specimen_status('S1')") != "in_analysis"
    assert lab.engine.query("specimen_status('S2')") == "in_centrifuge"


def test_ending_an_old_run_again_does_not_take_the_specimen_out_of_its_new_one():
    lab = Lab(tubes(BLOOD, "Z_ANALYZER_HALL_A", "S1"))
    assert lab.run("R1", "S1", wait=600).accepted
    end = {"device_id": HAEM, "run_id": "R1"}
    assert lab.do("A_ANALYTICS", "END_RUN", end, wait=60).accepted
    entry = {"result_id": "RES", "run_id": "R1", "analyte_code": "HAEM_HB", "value": "140"}
    assert lab.do("A_ANALYTICS", "GENERATE_RESULT", {**entry, "units": "g/L"}, wait=10).accepted
    why = {"result_id": "RES", "reason_code": "QC_FAIL_ACTIVE"}
    assert lab.do("A_CLINSCI", "RERUN_REQUEST", why).accepted
    assert lab.run("R2", "S1").accepted
    assert lab.do("A_ANALYTICS", "END_RUN", end, wait=10).accepted
    assert lab.engine.query("specimen_status('S1')") == "in_analysis"
    assert lab.engine.query("specimen_place('S1')") == f"device:{HAEM}"


@pytest.mark.parametrize("run_id", ["R1", None])
def test_where_run_ids_are_not_checked_no_run_replaces_another_all_the_same(run_id):
    specimens = tubes(BLOOD, "Z_ANALYZER_HALL_A", "S1", "S2")
    lab = Lab(specimens, partner="upstream_compat")
    for name in ("S1", "S2"):
        args = {"device_id": HAEM, "specimen_ids": [name], **({"run_id": run_id} if run_id else {})}
        assert lab.do("A_ANALYTICS", "START_RUN", args).accepted
    assert [run.specimen_ids for run in lab.world.runs.values()] == [["S1"], ["S2"]]


def test_an_arriving_specimen_does_not_replace_one_of_its_name():
    scenario = {"workload": "district_smoke", "arrivals_until_s": 600}
    lab = Lab(tubes(BLOOD, "Z_ANALYZER_HALL_A", "S_hub_00000"), simulated=True, **scenario)
    hub = [item for item in lab.engine.advance(600) if item.event.args["stream"] == "hub"]
    arrived = [name for item in hub for name in item.data["specimen_ids"]]
    assert arrived[0] == "S_hub_00000_2"
    assert lab.engine.query("specimen_place('S_hub_00000')") == "zone:Z_ANALYZER_HALL_A"


# Queues


def order(share, *items, window=20):
    """Return the order in which items ``(work, rank, time)`` leave a queue."""
    queue = WorkQueue()
    for work, rank, time in items:
        queue.push(work, rank, time)
    left = []
    while (head := queue.head(share)) is not None:
        queue.pop(head, window)
        left.append(head)
    assert len(queue) == 0
    return left


def test_a_queue_serves_by_priority_then_time_then_arrival():
    items = [("r1", 2, 5), ("u2", 1, 9), ("u1", 1, 3), ("r0", 2, 5), ("s2", 0, 8), ("s1", 0, 2)]
    assert order(100, *items) == ["s1", "s2", "u1", "u2", "r1", "r0"]


def test_urgent_work_beyond_its_share_lets_other_work_pass_in_between():
    items = [(f"s{n}", 0, n) for n in range(3)] + [(f"r{n}", 2, n) for n in range(3)]
    assert order(35, *items) == ["s0", "r0", "s1", "r1", "s2", "r2"]


def test_without_other_work_all_stat_work_goes_at_once():
    assert order(35, *[(f"s{n}", 0, n) for n in range(3)]) == ["s0", "s1", "s2"]


def test_work_that_is_queued_again_waits_once_with_its_new_rank():
    queue = WorkQueue()
    for rank in (0, 2):
        queue.push("w", rank, 5)
    assert (len(queue), queue.stat, len(queue.other)) == (1, [], 1)
    queue.pop("w", 20)
    assert queue.head(35) is None


def test_work_that_jumps_the_queue_takes_nobody_else_with_it():
    queue = WorkQueue()
    for number in range(3):
        queue.push(f"w{number}", 2, number)
    queue.pop("w1", 20)
    assert sorted(queue.waiting) == ["w0", "w2"]
    assert queue.head(35) == "w0"
