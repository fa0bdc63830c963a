"""What is special in each task really happens, and the crews stand in their order."""

import pytest
from labtrust_bench.agents.noop import DoNothing
from labtrust_bench.agents.scripted import scripted_crew
from labtrust_bench.ladder import metric_value
from labtrust_bench.runs.crew import agents_for
from labtrust_bench.runs.episode import run_episode
from labtrust_bench.runs.observers import MetricsObserver
from labtrust_bench.runs.service import is_wrong
from labtrust_bench.tasks.device_outage_surge import JITTER_S, OUTAGES_S
from labtrust_bench.tasks.qc_cascade import BIASES
from labtrust_bench.tasks.reagent_stockout import LEAD_S
from labtrust_bench.tasks.registry import TASKS, get_task
from labtrust_env.session import Session, SessionConfig

OURS = (
    "throughput_sla",
    "stat_insertion",
    "qc_cascade",
    "adversarial_disruption",
    "multi_site_stat",
    "insider_key_misuse",
    "coord_scale",
    "coord_risk",
    "device_outage_surge",
    "reagent_stockout",
)
REACHED = {"stat_insertion": 600}
"""What the scripted crew reaches at smoke size at least, where it is not 800 of 1000."""
SEEDS = range(5)


class Events:
    """Keeps the events of one kind."""

    def __init__(self, action_type):
        self.action_type = action_type
        self.found = []

    def begin(self, session):
        assert session.steps == 0

    def step(self, session, results):
        assert session.steps > 0
        self.found += [
            item for item in results if item.event and item.event.action_type == self.action_type
        ]

    def end(self, session):
        assert session.done


@pytest.fixture
def watch(policy):
    """Play a task; gives the world at the end, and the events of one kind."""

    def once(task, variant="smoke", seed=0, crew="scripted", events="NOOP"):
        found = get_task(task, variant)
        session = Session(policy, found.session_config())
        seen = Events(events)
        run_episode(session, agents_for(found, session.members, crew), seed, (seen,))
        return session.ctx.world, seen.found

    return once


class NeverOrders:
    """The scripted agent of a member, but for orders."""

    def __init__(self, agent):
        self.agent = agent

    def reset(self, name, seed):
        self.agent.reset(name, seed)

    def act(self, view):
        legal = {
            name: index
            for name, index in view["legal"].items()
            if not name.startswith("RESTOCK_REAGENT")
        }
        return self.agent.act({**view, "legal": legal})


def test_the_ten_tasks_are_there():
    assert set(OURS) <= set(TASKS.names())


@pytest.mark.parametrize("task", OURS)
def test_the_scripted_crew_does_well_and_the_naive_one_clearly_worse(play, task):
    metric = get_task(task).primary_metric
    none, naive, good = (
        metric_value(play(task, crew).metrics, metric) for crew in ("noop", "fifo", "scripted")
    )

    assert good >= REACHED.get(task, 800)
    assert none + 100 < naive < good - 50


@pytest.mark.parametrize("task", OURS)
def test_the_return_ranks_as_the_metric_does(play, task):
    none, naive, good = (
        play(task, crew).metrics.reward_milli for crew in ("noop", "fifo", "scripted")
    )

    assert none < naive < good


@pytest.mark.parametrize("task", OURS)
def test_every_variant_can_be_played(policy, task):
    for variant in get_task(task).sizes():
        session = Session(policy, get_task(task, variant).session_config())
        session.reset(1)
        session.step({})

        assert session.steps == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_stat_requests_come_in_bursts(watch, seed):
    world, _ = watch("stat_insertion", "full", seed, "noop")
    bursts = {
        item.arrived_s
        for item in world.specimens.values()
        if item.specimen_id.startswith("S_resus")
    }
    urgent = [item for item in world.specimens.values() if item.priority == "STAT"]

    assert len(bursts) >= 5
    assert 0.12 <= len(urgent) / len(world.specimens) <= 0.32


@pytest.mark.parametrize("seed", SEEDS)
def test_the_analysers_fail_in_the_surge_for_as_long_as_stated(watch, seed):
    _, faults = watch("device_outage_surge", "full", seed, "noop", events="SYS_DEVICE_FAULT")
    stated = {
        item.event.args["device_id"]: item
        for item in faults
        if item.event.args["fault"] == "stated"
    }

    assert stated.keys() == OUTAGES_S.keys()
    for device, (begins_s, lasts_s) in OUTAGES_S.items():
        began_s = stated[device].event.t_s
        assert begins_s <= began_s <= begins_s + JITTER_S
        assert stated[device].data["repair_until_s"] >= began_s + lasts_s


def test_seeds_differ_in_when_the_analysers_fail(watch):
    begins = {
        watch("device_outage_surge", "smoke", seed, "noop", "SYS_DEVICE_FAULT")[1][0].event.t_s
        for seed in SEEDS
    }

    assert len(begins) > 1


def test_the_outages_cost_time_that_no_crew_can_save(policy, play):
    class Sound(type(get_task("device_outage_surge"))):
        def get_initial_state(self):
            return {}

    task = Sound.at("smoke")
    session = Session(policy, task.session_config())
    seen = MetricsObserver(task)
    run_episode(session, agents_for(task, session.members, "scripted"), 7, (seen,))
    sound = seen.metrics.service.weighted_on_time_permille

    assert play("device_outage_surge").metrics.service.weighted_on_time_permille < sound


def test_queued_work_is_taken_to_the_twin_of_a_broken_analyser(policy, specimen):
    scenario = {
        "specimens": [
            specimen(status="queued", separated_ts_s=0, zone_id="Z_ANALYZER_HALL_A", aliquot_id="A")
        ],
        "initial_queue_entries": [{"device_id": "DEV_CHEM_A_01", "work_id": "S1"}],
        "devices": [{"device_id": "DEV_CHEM_A_01", "fault_until_s": 7_200}],
    }
    session = Session(
        policy, SessionConfig("standard", None, 3_600, faults=False, scenario=scenario)
    )
    run_episode(session, scripted_crew(session.members), 1)

    assert session.ctx.world.specimens["S1"].released_s is not None
    assert session.ctx.world.runs[session.ctx.world.specimens["S1"].run_id].device_id == (
        "DEV_CHEM_B_01"
    )


def test_stock_runs_out_where_nobody_orders_and_not_where_somebody_does(policy):
    task = get_task("reagent_stockout", "smoke")
    session = Session(policy, task.session_config())
    stock = {}
    for orders in (False, True):
        agents = scripted_crew(session.members)
        if not orders:
            agents = {name: NeverOrders(agent) for name, agent in agents.items()}
        run_episode(session, agents, 1)
        released = sum(item.released_s is not None for item in session.ctx.world.specimens.values())
        stock[orders] = (min(session.ctx.world.stock.values()), released)

    assert stock[False][0] < 14
    assert stock[True][1] > 1.15 * stock[False][1]


def test_an_order_takes_its_time(watch):
    _, deliveries = watch("reagent_stockout", events="SYS_REAGENT_DELIVERY")

    assert deliveries
    assert all(item.event.t_s >= LEAD_S for item in deliveries)


def test_wrong_results_go_out_where_nobody_runs_controls(policy, play):
    task = get_task("qc_cascade", "smoke")
    session = Session(policy, task.session_config())
    agents = {**scripted_crew(session.members), "qc_0": DoNothing()}
    run_episode(session, agents, 7)
    wrong = _wrong(session)
    kept = play("qc_cascade").metrics.service

    assert len(wrong) >= 10
    assert {item.device_id for item in wrong} <= set(BIASES)
    assert kept.wrong_results_out < len(wrong)


def _wrong(session):
    results = session.ctx.world.results.values()
    return [item for item in results if item.released_s is not None and is_wrong(session.ctx, item)]


def test_controls_find_what_is_wrong_and_it_is_measured_again(watch):
    world, _ = watch("qc_cascade")

    assert {item.device_id for item in world.investigations.values()} & set(BIASES)
    assert any(specimen.reruns for specimen in world.specimens.values())


def test_the_acute_site_sends_what_is_urgent_by_road(watch):
    world, _ = watch("multi_site_stat")
    acute = [item for item in world.specimens.values() if item.source == "acute"]

    assert sum(item.priority == "STAT" for item in acute) >= 3
    assert world.consignments
    assert any(item.released_s is not None for item in acute)


def test_every_event_of_the_insiders_task_is_signed(play):
    results = play("insider_key_misuse").results

    assert results.config.signed
    assert results.episodes[0].metrics.throughput > 0


@pytest.mark.parametrize(("scale", "people"), [("small", 11), ("medium", 20), ("large", 40)])
def test_a_scale_has_as_many_people_as_it_says(policy, scale, people):
    members = Session(policy, get_task("coord_scale", scale).session_config()).members

    assert len(members) == people


@pytest.mark.slow
def test_a_full_size_ladder_keeps_its_order_with_margins(play):
    found = {
        crew: play("throughput_sla", crew, smoke=False).metrics.service.weighted_on_time_permille
        for crew in ("noop", "random", "fifo", "scripted")
    }

    assert found["noop"] == 0
    assert found["random"] < 100 < found["fifo"] < 600
    assert found["scripted"] > 900
