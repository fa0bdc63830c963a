"""The episode loop: whom it asks, whom it tells, and how it ends."""

import pytest
from labtrust_bench.agents.noop import DoNothing
from labtrust_bench.runs.crew import agents_for
from labtrust_bench.runs.episode import run_episode
from labtrust_bench.runs.observers import TimingObserver
from labtrust_bench.tasks.registry import get_task
from labtrust_core.errors import UsageError
from labtrust_core.ledger.verify import verify_log
from labtrust_core.ledger.writer import LogWriter
from labtrust_env.observations import Observer
from labtrust_env.session import Session, SessionConfig


@pytest.fixture
def session(policy):
    return Session(policy, SessionConfig("standard", "district_smoke", 600))


@pytest.fixture
def crew(session):
    return {name: DoNothing() for name in session.members}


class Spy(DoNothing):
    """Notes what it is told."""

    def __init__(self, action=0):
        self.action = action
        self.resets = []
        self.views = []

    def reset(self, name, seed):
        self.resets.append((name, seed))

    def act(self, view):
        self.views.append(view)
        return self.action


def test_a_member_without_an_agent_is_refused(session, crew):
    del crew["runner_1"]

    with pytest.raises(UsageError, match="no agent for runner_1"):
        run_episode(session, crew, 1)


def test_an_agent_for_nobody_is_refused(session, crew):
    with pytest.raises(UsageError, match="ghost_0, who are not in the crew"):
        run_episode(session, {**crew, "ghost_0": DoNothing()}, 1)


def test_every_agent_is_reset_with_its_name_and_the_seed(session, crew):
    spy = crew["qc_0"] = Spy()
    run_episode(session, crew, 5)

    assert spy.resets == [("qc_0", 5)]


def test_a_free_member_is_asked_in_every_step(session, crew):
    spy = crew["qc_0"] = Spy()
    run_episode(session, crew, 5)

    assert len(spy.views) == session.max_steps


def test_a_busy_member_is_not_asked(session, crew):
    way = {
        "action_type": "MOVE",
        "args": {"from_zone": "Z_QC_SUPERVISOR", "to_zone": "Z_ANALYZER_HALL_A"},
    }
    spy = crew["qc_0"] = Spy(way)
    run_episode(session, crew, 5)

    assert len(spy.views) == session.max_steps - 1
    assert all(view["busy_for_s"] == 0 for view in spy.views)


def test_a_log_verifies_and_ends_where_the_ledger_does(session, crew, tmp_path):
    path = tmp_path / "log.jsonl"
    with LogWriter(path) as log:
        end = run_episode(session, crew, 5, sink=log.write)
    report = verify_log(path)

    assert report.ok
    assert (report.head, report.records) == (end.head, end.length)


def test_the_ledger_does_not_depend_on_whether_a_log_is_written(session, crew):
    lines = []

    assert run_episode(session, crew, 5, sink=lines.append) == run_episode(session, crew, 5)
    assert lines


def test_an_episode_owes_nothing_to_earlier_ones(policy):
    task = get_task("throughput_sla", "smoke")
    fresh, used = (Session(policy, task.session_config()) for _ in range(2))
    agents = task.scripted_agents(fresh.members)
    run_episode(used, agents, 8)

    assert run_episode(used, agents, 9) == run_episode(fresh, agents, 9)


def test_timing_counts_every_event(session, crew):
    timing = TimingObserver()
    end = run_episode(session, crew, 5, (timing,))

    assert timing.cpu_ns > 0
    assert timing.events == end.length - 2  # without start and end record


class FirstPossible:
    """Reads arrays: takes the highest index that the mask allows, and remembers what it saw."""

    def __init__(self):
        self.seen = []

    def reset(self, name, seed):
        self.seen = [(name, seed)]

    def act_on(self, observation, mask):
        self.seen.append((observation.shape, observation.dtype, mask.dtype))
        return int(mask.nonzero()[0][-1])


def test_an_agent_that_reads_arrays_shares_a_crew_with_one_that_reads_views(policy):
    task = get_task("throughput_sla", "smoke")
    session = Session(policy, task.session_config())
    learned = FirstPossible()
    agents = {**agents_for(task, session.members, "scripted"), "runner_1": learned}
    mine = []

    class Watch:
        def begin(self, session):
            pass

        def step(self, session, results):
            assert len(results) >= len(session.outcomes)
            mine.extend(item for name, item in session.outcomes.items() if name == "runner_1")

        def end(self, session):
            pass

    run_episode(session, agents, 7, (Watch(),))

    assert learned.seen[0] == ("runner_1", 7)
    assert learned.seen[1][0] == (Observer(session).layout.size,)
    assert {item.status for item in mine} >= {"ACCEPTED"}
