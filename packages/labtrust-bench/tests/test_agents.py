"""The ready-made agents: doing nothing, doing anything, and doing what must be refused."""

import random

import pytest
from labtrust_bench.agents.noop import DoNothing
from labtrust_bench.agents.random_agent import RandomAgent
from labtrust_bench.agents.scripted import scripted_crew
from labtrust_bench.runs.episode import run_episode
from labtrust_bench.tasks.throughput_sla import ThroughputSla
from labtrust_env.session import Session, SessionConfig

LEGAL = {"NOOP": 0, "TICK": 1, "MOVE:Z": 9}


def choices(agent, count=50):
    return [agent.act({"legal": LEGAL}) for _ in range(count)]


def test_do_nothing_waits():
    agent = DoNothing()
    agent.reset("runner_0", 1)

    assert agent.act({"legal": LEGAL}) == 0


def test_random_takes_every_legal_action_and_no_other():
    agent = RandomAgent()
    agent.reset("runner_0", 1)

    assert set(choices(agent)) == {0, 1, 9}


def test_random_repeats_itself_after_a_reset():
    agent = RandomAgent()
    agent.reset("runner_0", 1)
    first = choices(agent)
    agent.reset("runner_0", 1)

    assert choices(agent) == first


@pytest.mark.parametrize(("name", "seed"), [("runner_1", 1), ("runner_0", 2)])
def test_random_differs_by_member_and_by_seed(name, seed):
    one, other = RandomAgent(), RandomAgent()
    one.reset("runner_0", 1)
    other.reset(name, seed)

    assert choices(one) != choices(other)


def test_random_leaves_the_global_generator_alone():
    before = random.getstate()
    agent = RandomAgent()
    agent.reset("runner_0", 1)
    choices(agent)

    assert random.getstate() == before


def test_the_crew_repeats_what_is_in_doubt_and_amends_it(policy):
    task = ThroughputSla.at("smoke")
    session = Session(policy, task.session_config())
    crew = task.scripted_agents(session.members)
    session.reset(3)
    doubtful = []
    while not session.done:
        world = session.ctx.world
        if not doubtful:
            doubtful = [name for name, item in world.specimens.items() if item.status == "released"]
            world.repeats.update(dict.fromkeys(doubtful))
        session.step({name: agent.act(session.view(name)) for name, agent in crew.items()})
    results = [world.results[item] for name in doubtful for item in world.specimens[name].results]
    amended = {item.result_id for item in results if item.status == "amended"}

    assert amended
    assert {item.amends for item in results if item.status == "released"} == amended


def test_runners_fetch_what_lies_behind_a_door_and_shut_it_afterwards(policy):
    tube = {"panel_id": "HAEM_PANEL_CORE", "container_type": "WHOLE_BLOOD_EDTA"}
    tubes = [
        {**tube, "specimen_id": f"S{number}", "zone_id": "Z_INGRESS_DOCK", "priority": "STAT"}
        for number in range(3)
    ]
    session = Session(policy, SessionConfig("standard", None, 900, scenario={"specimens": tubes}))
    run_episode(session, scripted_crew(session.members), 1)
    world = session.ctx.world

    assert all(item.place != "zone:Z_INGRESS_DOCK" for item in world.specimens.values())
    assert world.doors["D_MAIN_INNER"].open_since is None


@pytest.fixture
def control():
    """Return where a quality agent at home goes for given work."""

    def goal(*work):
        agent = scripted_crew({"qc_0": "A_QC_0"})["qc_0"]
        agent.reset("qc_0", 1)
        zones = {item["zone"]: item["zone"] for item in work}
        view = {
            "zone": "Z_HOME",
            "legal": {f"MOVE:{zone}": index for index, zone in enumerate(zones, 1)},
            "hops": zones,
            "ways": {zone: {"door": None, "open": False} for zone in zones},
            "qc": list(work),
        }
        chosen = agent.act(view)
        return next((name for name, index in view["legal"].items() if index == chosen), "wait")

    return goal


def work(zone, due_s, *, up=True):
    return {"zone": zone, "up": up, "qc_state": "pass", "qc_due_in_s": due_s}


def test_controls_are_run_first_where_they_are_due_first(control):
    assert control(work("Z_A", 60), work("Z_B", -60)) == "MOVE:Z_B"
    assert control(work("Z_A", 86_400)) == "wait"


def test_nobody_waits_for_a_broken_device_while_controls_are_due_elsewhere(control):
    assert control(work("Z_A", 60), work("Z_B", -60, up=False)) == "MOVE:Z_A"
