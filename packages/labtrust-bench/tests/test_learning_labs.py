"""What agents are paid in training, and laboratories played side by side."""

import numpy as np
import pytest
from labtrust_bench.learning.config import Shaping, preset
from labtrust_bench.learning.encoding import NUMBERS
from labtrust_bench.learning.labs import TrainingLab
from labtrust_bench.learning.pool import LabPool
from labtrust_bench.learning.shaping import Progress
from labtrust_bench.runs.benchmark import Benchmark
from labtrust_bench.runs.plan import RunConfig
from labtrust_env.actions import NOOP
from labtrust_env.session import Session, SessionConfig

SHAPING = Shaping(
    team=0.0,
    stage=1.0,
    carry=0.1,
    handover=0.25,
    effort=0.0,
    blocked=0.5,
    priority={},
    chores={"QC_EVENT": 0.125},
)
CONFIG = preset("tiny", task="throughput_sla", labs=3)


class Bench:
    """A laboratory with one specimen, in which a test acts and sees who is paid what."""

    def __init__(self, policy, **specimen):
        item = {
            "specimen_id": "S1",
            "panel_id": "BIOCHEM_PANEL_CORE",
            "container_type": "SERUM_SST",
            "zone_id": "Z_SRA_RECEPTION",
            **specimen,
        }
        config = SessionConfig(
            "standard", None, 7_200, faults=False, scenario={"specimens": [item]}
        )
        self.session = Session(policy, config)
        self.session.reset(1)
        self.progress = Progress(policy.tables, SHAPING)

    def pay(self, member, action_type, **args):
        """Let a member act once it is free; return what it is paid."""
        while self.session.is_busy(member):
            self.session.step({})
        self.session.step({member: {"action_type": action_type, "args": args}})
        result = self.session.outcomes[member]
        return self.progress.pay(self.session.ctx, self.session.members[member], result)

    def accepted(self):
        """Take the specimen through reception; return the pay of each stage."""
        stages = ("CREATE_ACCESSION", "CHECK_ACCEPTANCE_RULES", "ACCEPT_SPECIMEN")
        return [self.pay("reception_0", stage, specimen_id="S1") for stage in stages]


def test_each_stage_of_reception_pays_who_does_it(policy):
    assert Bench(policy).accepted() == [1.0, 1.0, 1.0]


def test_what_is_urgent_pays_more(policy):
    bench = Bench(policy, priority="STAT")
    bench.progress = Progress(policy.tables, Shaping(team=0, stage=1.0, effort=0.0))

    assert bench.pay("reception_0", "CREATE_ACCESSION", specimen_id="S1") == pytest.approx(2.0)


def test_carrying_towards_the_next_stage_pays_and_carrying_back_costs_the_same(policy):
    bench = Bench(policy)
    bench.accepted()
    taken = bench.pay("reception_0", "RETRIEVE", specimen_ids=["S1"])
    there = bench.pay("reception_0", "MOVE", from_zone="Z_SRA_RECEPTION", to_zone="Z_ACCESSIONING")
    back = bench.pay("reception_0", "MOVE", from_zone="Z_ACCESSIONING", to_zone="Z_SRA_RECEPTION")
    put = bench.pay("reception_0", "STORE", specimen_ids=["S1"])

    assert there > 0
    assert there + back == pytest.approx(0.0)
    assert (taken, put) == (0.0, 0.0)


def test_a_refused_event_costs(policy):
    assert Bench(policy).pay("reception_0", "ACCEPT_SPECIMEN", specimen_id="S1") == -0.5


def test_walking_empty_handed_pays_nothing(policy):
    bench = Bench(policy)
    bench.accepted()

    moved = bench.pay("reception_0", "MOVE", from_zone="Z_SRA_RECEPTION", to_zone="Z_ACCESSIONING")
    assert moved == 0.0


def test_chores_are_paid_as_listed(policy):
    bench = Bench(policy)
    moved = bench.pay("qc_0", "MOVE", from_zone="Z_QC_SUPERVISOR", to_zone="Z_ANALYZER_HALL_A")

    assert moved == 0.0
    assert bench.pay("qc_0", "QC_EVENT", device_id="DEV_CHEM_A_01") == 0.125


@pytest.fixture(scope="module")
def lab(policy):
    return TrainingLab(CONFIG, policy)


def arrays(lab):
    members = len(lab.shape.members)
    return (
        np.zeros((members, lab.shape.inputs), np.float32),
        np.zeros((members, lab.shape.actions), np.int8),
        np.zeros(members, np.float32),
    )


def test_the_reward_of_a_training_episode_is_that_of_the_benchmark(lab):
    inputs, masks, paid = arrays(lab)
    lab.reset(5)
    while not lab.done:
        lab.step(np.full(len(masks), NOOP), paid)
    benchmark = Benchmark(RunConfig("throughput_sla", base_seed=5, variant="smoke", agents="noop"))
    metrics = benchmark.run().episodes[0].metrics

    assert lab.summary().reward == pytest.approx(metrics.reward_milli / 1_000)
    assert inputs.shape[1] == lab.shape.inputs


def test_the_input_holds_the_mask_of_what_may_be_used_and_the_number_in_the_role(lab):
    inputs, masks, _ = arrays(lab)
    lab.reset(5)
    lab.write(inputs, masks)

    runners = [lab.shape.members.index(name) for name in ("runner_0", "runner_1")]
    assert np.array_equal(inputs[:, -lab.shape.actions - NUMBERS : -NUMBERS], masks)
    assert inputs[runners, -NUMBERS:].tolist() == [[1, 0, 0, 0], [0, 1, 0, 0]]
    assert masks[:, NOOP].all()
    assert not (masks * (1 - lab.usable)).any()


def played(pool, seeds):
    """Play 30 steps by a fixed rule; return the last inputs and what each episode came to."""
    pool.reset(seeds)
    for step in range(30):
        masks = pool.arrays.masks
        pool.arrays.actions[:] = np.where(
            step % 3, masks.argmax(axis=2), masks.shape[2] - 1 - masks[:, :, ::-1].argmax(axis=2)
        )
        pool.step()
    return pool.arrays.inputs.copy(), pool.summaries()


def test_processes_play_the_same_episodes_as_this_one():
    results = []
    for workers in (1, 2):
        pool = LabPool(CONFIG, workers)
        try:
            results.append(played(pool, [4, 5, 6]))
        finally:
            pool.close()
    (first, summaries), (second, others) = results

    assert np.array_equal(first, second)
    assert summaries == others
    assert [item.seed for item in summaries] == [4, 5, 6]
