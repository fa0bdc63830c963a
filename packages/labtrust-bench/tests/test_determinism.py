"""The determinism report agrees with itself, and finds what depends on hash seed, past or place."""

import pytest
from labtrust_bench.runs.determinism import PROCESSES, determinism_report
from labtrust_bench.runs.plan import RunConfig
from labtrust_core.errors import UsageError

AGENT = """
import os

class {name}:
    played = 0

    def reset(self, name, seed):
        type(self).played += 1

    def act(self, view):
        legal = view["legal"]
        return {choice}
"""
WAYS = {
    "HashDependent": "list(legal.values())[hash('x') % len(legal)]",
    "PastDependent": "list(legal.values())[self.played % len(legal)]",
    "PlaceDependent": (
        "list(legal.values())[os.getcwd().encode()[-1 - view['t_s'] // 10 % 8] % len(legal)]"
    ),
    "Sound": "max(legal.values())",
}


@pytest.fixture
def report(tmp_path):
    """Report on a crew of which one member plays for itself."""

    def make(name):
        path = tmp_path / f"{name}.py"
        path.write_text(AGENT.format(name=name, choice=WAYS[name]), encoding="utf-8")
        mixed = {"runner_0": f"{path}:{name}"}
        return determinism_report(
            RunConfig("throughput_sla", 1, 5, "smoke", "noop", mixed=mixed, schema="0.3")
        )

    return make


def test_a_sound_agent_is_deterministic(report):
    found = report("Sound")

    assert found.deterministic
    assert found.differences == {"other_hash_seed": [], "after_another": []}
    assert found.processes.keys() == PROCESSES.keys()
    assert len({item.log_sha256 for item in found.processes.values()}) == 1


@pytest.mark.parametrize(
    ("name", "process"),
    [("HashDependent", "other_hash_seed"), ("PastDependent", "after_another")],
)
def test_an_agent_that_depends_on_something_else_is_found(report, name, process):
    found = report(name)
    others = PROCESSES.keys() - {"first", process}

    assert not found.deterministic
    assert any(item.startswith("log_sha256 is") for item in found.differences[process])
    assert not any(found.differences[item] for item in others)


@pytest.mark.slow
def test_an_agent_that_looks_at_its_folder_is_found(report):
    assert not report("PlaceDependent").deterministic


def test_a_run_that_cannot_be_played_is_an_error():
    with pytest.raises(UsageError, match="unknown task"):
        determinism_report(RunConfig("nonsense"))
