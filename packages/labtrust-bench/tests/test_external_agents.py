"""Agents from elsewhere: how they are named and loaded, what they are told, how they fail."""

import sys
from pathlib import Path

import pytest
from labtrust_bench.agents.noop import DoNothing
from labtrust_bench.runs import crew
from labtrust_bench.runs.benchmark import Benchmark
from labtrust_bench.runs.crew import CREWS, Scheme, agents_for, baseline_id
from labtrust_bench.runs.episode import not_an_action
from labtrust_bench.runs.evaluation import evaluate, metric_at
from labtrust_bench.runs.external import (
    AgentError,
    ContractVersionMismatch,
    External,
    class_path,
    load_factory,
)
from labtrust_bench.runs.plan import RunConfig
from labtrust_bench.tasks.registry import get_task
from labtrust_core.errors import UnknownNameError, UsageError
from labtrust_env import session as env_session
from labtrust_env.action_forms import ACTION_FIELDS

DEMO = Path(__file__).parents[3] / "examples" / "external_agent_demo.py"
FILE = """
from dataclasses import dataclass

class Foreign:
    contract_version = {version!r}
    told = []

    def reset(self, seed, policy_summary, partner_id, timing_mode):
        self.told.append((seed, policy_summary, partner_id, timing_mode))
        policy_summary.clear()

    def act(self, observation):
        self.seen = dict(observation)
        observation["legal"].clear()
        return 0, {{"why": "waiting"}}

class Unversioned:
    def reset(self, seed, policy_summary, partner_id, timing_mode): pass
    def act(self, observation): return 0

class Unwell(Foreign):
    def healthcheck(self): return False

class Warmed(Foreign):
    warm = 0
    def warm_up(self): type(self).warm += 1

@dataclass
class Own:
    name: str = ""
    def reset(self, name, seed): self.name = name
    def act(self, view): return 0

class Reader:
    def reset(self, name, seed): pass
    def act_on(self, observation, mask): return int(mask.nonzero()[0][0])

class Lacking:
    def act(self, view): return 0

class Picky:
    def __init__(self, size): pass

class Nested:
    class Inner(Own): pass

def make(): return Own()

def answering(answer):
    class Answering(Own):
        def act(self, view): return answer(view)
    return Answering

class Rude:
    @staticmethod
    def reset(name, seed): raise RuntimeError("not today")
    def act(self, view): return 0

class Leaving(Own):
    def act(self, view): raise SystemExit(0)

Text = answering(lambda view: "wait")
Far = answering(lambda view: 9_999)
Negative = answering(lambda view: -1)
Nothing = answering(lambda view: None)
Strange = answering(lambda view: {{"action_type": "TICK", "speed": 3}})
Broken = answering(lambda view: 1 // 0)
"""


@pytest.fixture
def agents_file(tmp_path):
    def write(version="0.1", name="theirs.py"):
        path = tmp_path / name
        path.write_text(FILE.format(version=version), encoding="utf-8")
        return path

    return write


@pytest.fixture
def play_one(policy, agents_file):
    """Play a smoke episode in which one member is an agent of the file."""

    def play(name, member="qc_0"):
        spec = f"{agents_file()}:{name}"
        config = RunConfig("throughput_sla", 1, 5, "smoke", "noop", mixed={member: spec})
        benchmark = Benchmark(config, policy)
        return benchmark, benchmark.run()

    return play


def test_a_foreign_agent_is_told_what_the_contract_says(play_one):
    benchmark, _ = play_one("Foreign")
    foreign = benchmark.agents["qc_0"].agent
    seed, summary, partner, timing = foreign.told[0]

    assert (seed, partner, timing) == (5, None, "simulated")
    assert summary == {}  # it has emptied its copy, and nobody else's
    assert foreign.seen["role"] == "ROLE_QC"
    assert len(foreign.seen["action_mask"]) == len(benchmark.session.actions)
    assert foreign.seen["action_mask"][0] == 1


def test_a_summary_names_member_role_policy_and_actions(policy):
    benchmark = Benchmark(RunConfig("throughput_sla", variant="smoke"), policy)

    class Listener:
        def reset(self, _seed, policy_summary, **_others):
            self.summary = policy_summary

        def act(self, _observation):
            return 0

    external = External(Listener())
    external.brief(benchmark.session)
    external.reset("runner_1", 3)

    assert external.agent.summary == {
        "actions": [action.name for action in benchmark.session.actions],
        "dt_s": 10,
        "horizon_s": benchmark.session.config.horizon_s,
        "member": "runner_1",
        "policy_fingerprint": policy.fingerprint,
        "role_id": "ROLE_RUNNER",
    }


@pytest.mark.parametrize(
    "name", ["Foreign", "Unversioned", "Own", "Reader", "make", "Nested.Inner"]
)
def test_every_kind_of_agent_can_wait_and_changes_nothing(play_one, play, name):
    _, results = play_one(name)

    assert results.episodes == play(agents="noop", seed=5).results.episodes


def test_an_agent_of_another_contract_version_is_refused(agents_file):
    with pytest.raises(ContractVersionMismatch, match=r"'0\.2'; expected '0\.1'") as caught:
        load_factory(f"{agents_file('0.2')}:Foreign")()

    assert caught.value.found == "0.2"


def test_an_agent_may_warm_up_and_say_that_it_is_not_well(agents_file):
    path = agents_file()

    assert load_factory(f"{path}:Warmed")().agent.warm == 1
    with pytest.raises(UsageError, match=r"healthcheck\(\) returned False"):
        load_factory(f"{path}:Unwell")()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Absent", "has no class or function Absent"),
        ("FILE.x", "has no class or function"),
        ("Lacking", "has no reset"),
        ("Picky", "cannot be made: TypeError"),
    ],
)
def test_what_is_no_agent_is_refused(agents_file, name, message):
    with pytest.raises(UsageError, match=message):
        load_factory(f"{agents_file()}:{name}")()


def test_files_and_modules_that_cannot_be_loaded_are_refused(tmp_path):
    broken = tmp_path / "broken.py"
    broken.write_text("import nothing_of_that_name", encoding="utf-8")

    with pytest.raises(UsageError, match=r"broken\.py cannot be loaded: ModuleNotFoundError"):
        load_factory(f"{broken}:Agent")
    with pytest.raises(UsageError, match=r"cannot read agents from .*none\.py: No such file"):
        load_factory(f"{tmp_path / 'none.py'}:Agent")
    with pytest.raises(UsageError, match=r"nothing\.here cannot be loaded"):
        load_factory("nothing.here:Agent")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Broken", r"in step 0, seed 5: raised ZeroDivisionError"),
        ("Rude", r"at reset, seed 5: raised RuntimeError: not today"),
        ("Leaving", r"in step 0, seed 5: raised SystemExit"),
        ("Text", r"'wait' is neither an index nor a mapping"),
        ("Nothing", r"None is neither an index nor a mapping"),
        ("Far", r"action 9999 lies outside 0\.\."),
        ("Negative", r"action -1 lies outside 0\.\."),
        ("Strange", r"an action has no field speed; expected action_index"),
    ],
)
def test_a_faulty_agent_is_named_with_member_and_step(play_one, name, message):
    with pytest.raises(AgentError, match=rf"^agent theirs_\w+:.* of qc_0 .*{message}") as caught:
        play_one(name)

    assert (caught.value.member, caught.value.seed) == ("qc_0", 5)


def test_action_fields_are_those_of_the_session():
    assert sorted(ACTION_FIELDS) == [
        "action_index",
        "action_type",
        "args",
        "event_id",
        "head",
        "key_id",
        "rationale",
        "reason_code",
        "signature",
        "token_refs",
        "tool_id",
    ]


def test_indices_of_any_integer_type_are_actions():
    import numpy as np

    assert not_an_action(np.int64(3), 4) == ""
    assert not_an_action({"action_index": 3}, 4) == ""
    assert not_an_action({"action_type": "TICK"}, 4) == ""
    assert "outside" in not_an_action({"action_index": 4}, 4)


def test_a_module_of_the_current_folder_can_be_named(agents_file, tmp_path, monkeypatch):
    agents_file(name="module_of_mine.py")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "module_of_mine", raising=False)
    before = list(sys.path)

    assert class_path(load_factory("module_of_mine:Foreign")()) == "module_of_mine:Foreign"
    assert sys.path == before
    del sys.modules["module_of_mine"]


def test_results_state_a_file_by_name_and_content_and_never_by_folder(play_one, tmp_path):
    _, results = play_one("Foreign")
    spec = results.agent_specs["qc_0"]
    stem, _, digest = spec.partition(":")[0].partition("_")

    assert (stem, len(digest)) == ("theirs", 8)
    assert results.agents["qc_0"] == spec
    assert results.agent_baseline_id == f"noop,qc_0={spec}"
    assert str(tmp_path) not in str(results)


def test_a_crew_that_is_not_mixed_states_no_specs(play):
    assert play().results.agent_specs == {}
    assert baseline_id("scripted", {}) == "scripted"


def test_one_spec_serves_all_members_but_opponents(policy, agents_file):
    task = get_task("adversarial_disruption", "smoke")
    members = task_members(policy, task)
    found = agents_for(task, members, f"{agents_file()}:Own")
    kinds = {name: type(agent).__name__ for name, agent in found.items()}

    assert kinds.pop("adversary_0") == kinds.pop("insider_0") == "Opponent"
    assert set(kinds.values()) == {"Own"}
    assert len({id(agent) for agent in found.values()}) == len(members)


def task_members(policy, task):
    return env_session.Session(policy, task.session_config()).members


def test_members_can_be_mixed_but_opponents_and_strangers_not(policy):
    task = get_task("adversarial_disruption", "smoke")
    members = task_members(policy, task)

    assert type(agents_for(task, members, "scripted", {"qc_0": "noop"})["qc_0"]) is DoNothing
    with pytest.raises(UsageError, match="adversary_0 is an opponent"):
        agents_for(task, members, "scripted", {"adversary_0": "noop"})
    with pytest.raises(UnknownNameError, match="unknown crew member 'ghost_0'"):
        agents_for(task, members, "scripted", {"ghost_0": "noop"})


@pytest.mark.parametrize("spec", ["heroic", "heroic:", ":Class", ""])
def test_what_is_no_spec_is_an_unknown_crew(policy, spec):
    task = get_task("throughput_sla", "smoke")

    with pytest.raises(UnknownNameError, match="unknown crew of agents") as caught:
        agents_for(task, task_members(policy, task), spec)
    assert set(CREWS) <= set(caught.value.known)


def test_a_scheme_makes_crews_and_is_stated_without_its_folder(policy, monkeypatch):
    rests = []

    def idle(rest):
        rests.append(rest)
        return lambda _task, members: {name: DoNothing() for name in members}

    monkeypatch.setitem(crew.SCHEMES, "kept", Scheme(idle))
    task = get_task("throughput_sla", "smoke")
    agents_for(task, task_members(policy, task), "kept:far/away/model")

    assert rests == ["far/away/model"]
    assert crew.stated("kept:far/away/model") == "kept:model"


@pytest.mark.skipif(not DEMO.is_file(), reason="the example belongs to the checkout")
def test_the_example_beats_doing_nothing_and_is_compared_seed_by_seed():
    config = RunConfig("throughput_sla", 2, 123, "smoke", f"{DEMO}:Demo")
    results, found = evaluate(config)
    own, scripted, noop = found.crews

    assert results.agent_baseline_id == own.agents
    assert own.agents.startswith("external_agent_demo_")
    assert (scripted.agents, noop.agents) == ("scripted", "noop")
    assert own.minus.keys() == {"scripted", "noop"}
    assert own.minus["noop"].ci_95.lower > 0
    assert own.figures["throughput"].mean > 0 == noop.figures["throughput"].mean
    assert next(iter(own.figures)) == found.primary_metric


def test_a_metric_is_found_by_its_place(play):
    metrics = play().metrics

    assert metric_at(metrics, "critical.calls") == metrics.critical.calls
    assert metric_at(metrics, "throughput") == metrics.throughput
    for wrong in ("critical", "no.where", "turnaround_by_priority"):
        with pytest.raises(UsageError, match="no metric"):
            metric_at(metrics, wrong)
