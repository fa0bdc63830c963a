"""A compiled policy, episodes played once and looked at often, and a tiny laboratory to prod."""

import functools
import types
from pathlib import Path

import pytest
from labtrust_bench.runs.benchmark import Benchmark, log_file
from labtrust_bench.runs.observers import MetricsObserver
from labtrust_bench.runs.plan import RunConfig
from labtrust_bench.tasks.throughput_sla import ThroughputSla
from labtrust_core.domains import open_policy
from labtrust_env.session import Session, SessionConfig


@pytest.fixture(scope="session")
def policy():
    """The shipped policy, compiled."""
    return open_policy()


@pytest.fixture(scope="session")
def play(policy, tmp_path_factory):
    """Play a task once for given options; gives results, metrics of the first episode and log."""

    @functools.cache
    def once(task="throughput_sla", agents="scripted", seed=7, *, smoke=True, signed=False):
        folder = tmp_path_factory.mktemp("logs")
        config = RunConfig(
            task, base_seed=seed, variant="smoke" if smoke else "full", agents=agents, signed=signed
        )
        results = Benchmark(config, policy).run(lambda number: log_file(folder, number))
        return types.SimpleNamespace(
            results=results, metrics=results.episodes[0].metrics, log=log_file(Path(folder), 0)
        )

    return once


SEED = 3


class TinyLab:
    """A laboratory without arrivals, in which a test acts and the metrics watch."""

    def __init__(self, policy, config, opponents, task):
        self.session = Session(policy, config)
        members = self.session.members
        self.observer = MetricsObserver(task, [members[name] for name in opponents])
        self.session.reset(SEED)
        self.observer.begin(self.session)

    def act(self, member, action_type, /, **fields):
        """Send one event, wait until everybody is free again, and give its result."""
        event = {"action_type": action_type, **fields}
        first = self.session.step({member: event})
        self.observer.step(self.session, first)
        self.wait(60)
        return first[0]

    def wait(self, seconds):
        """Let time pass."""
        for _ in range(seconds // self.session.config.dt_s):
            self.observer.step(self.session, self.session.step({}))

    @property
    def metrics(self):
        """The metrics as if the episode ended now."""
        self.observer.end(self.session)
        return self.observer.metrics


@pytest.fixture
def lab(policy):
    """Make a tiny laboratory."""

    def make(*, specimens=(), tokens=(), opponents=(), task=None, signed=False):
        scenario = {"specimens": list(specimens), "tokens": list(tokens)}
        config = SessionConfig(
            "adversarial", None, 7_200, signed=signed, faults=False, scenario=scenario
        )
        return TinyLab(policy, config, opponents, task or ThroughputSla())

    return make


@pytest.fixture
def specimen():
    """Describe a specimen that lies at reception."""

    def make(specimen_id="S1", **changes):
        return {
            "specimen_id": specimen_id,
            "panel_id": "BIOCHEM_PANEL_CORE",
            "container_type": "SERUM_SST",
            "specimen_type": "SERUM",
            "zone_id": "Z_SRA_RECEPTION",
            **changes,
        }

    return make
