"""An aggregator's figures stand beside the metrics, checked, and named with their source."""

import json

import msgspec
import pytest
from labtrust_bench.runs.aggregators import (
    AGGREGATORS,
    MAX_FIGURE,
    NoExtra,
    get_metrics_aggregator,
    list_metrics_aggregators,
    not_an_aggregator,
    register_metrics_aggregator,
)
from labtrust_bench.runs.benchmark import run_benchmark
from labtrust_bench.runs.plan import RunConfig
from labtrust_bench.runs.results import AggregatorSource, read_results, results_bytes
from labtrust_core.errors import DocumentError, PluginError, UnknownNameError


class StepCount(NoExtra):
    """Counts steps, and how often it was told of beginning and end."""

    def __init__(self, task):
        super().__init__(task)
        self.told = {"steps": 0, "begins": 0, "ends": 0}

    def begin(self, _session):
        self.told["begins"] += 1

    def step(self, _session, _results):
        self.told["steps"] += 1

    def end(self, _session):
        self.told["ends"] += 1

    def figures(self):
        return self.told


@pytest.fixture
def offer():
    """Register aggregators for one test."""
    names = []

    def put(name, factory):
        register_metrics_aggregator(name, factory)
        names.append(name)

    yield put
    for name in names:
        AGGREGATORS.unregister(name)


@pytest.fixture
def run(policy):
    """Run two short episodes in which nobody acts."""

    def call(aggregator="default"):
        config = RunConfig(
            "throughput_sla", 2, variant="smoke", agents="noop", metrics_aggregator=aggregator
        )
        return run_benchmark(config, policy=policy)

    return call


def giving(found):
    """Return a class of aggregators that give what they are told to."""
    return type("Giving", (NoExtra,), {"figures": lambda _self: found})


def test_the_default_adds_no_figure(run):
    results = run()

    assert [item.extra for item in results.episodes] == [{}, {}]
    assert results.metrics_aggregator == AggregatorSource(
        aggregator_id="default", distribution="labtrust_bench", version=""
    )


def test_each_episode_has_an_aggregator_of_its_own(run, offer):
    offer("step_count", StepCount)
    results = run("step_count")

    steps = results.episodes[0].metrics.steps
    assert [item.extra for item in results.episodes] == [
        {"begins": 1, "ends": 1, "steps": steps}
    ] * 2
    assert results.metrics_aggregator.distribution == "registered at run time"


def test_metrics_and_ledger_are_the_same_with_and_without(run, offer):
    offer("step_count", StepCount)
    plain, counted = run(), run("step_count")

    assert [(item.metrics, item.ledger) for item in plain.episodes] == [
        (item.metrics, item.ledger) for item in counted.episodes
    ]


def test_figures_are_written_and_read_back(run, offer, tmp_path):
    offer("step_count", StepCount)
    path = tmp_path / "results.json"
    path.write_bytes(results_bytes(run("step_count")))

    assert list(read_results(path).episodes[0].extra) == ["begins", "ends", "steps"]


def test_a_file_from_before_there_was_a_choice_can_be_read(run, tmp_path):
    document = json.loads(results_bytes(run()))
    del document["metrics_aggregator"]
    for episode in document["episodes"]:
        del episode["extra"]
    path = tmp_path / "old.json"
    path.write_text(json.dumps(document))

    assert read_results(path).metrics_aggregator is None


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ([], "gives list"),
        ({"Peak": 1}, "names a figure 'Peak'"),
        ({3: 1}, "names a figure 3"),
        ({"peak": 1.5}, "gives peak = 1.5"),
        ({"peak": True}, "gives peak = True"),
        ({"peak": MAX_FIGURE + 1}, "expected an integer"),
    ],
    ids=str,
)
def test_what_results_cannot_carry_is_an_error_that_names_the_owner(run, offer, found, message):
    offer("wild", giving(found))

    with pytest.raises(PluginError, match=rf"'wild' of registered at run time.*{message}"):
        run("wild")


def test_the_schema_refuses_a_name_that_the_check_would(run):
    results = run()
    episode = msgspec.structs.replace(results.episodes[0], extra={"No Name": 1})

    with pytest.raises(DocumentError, match="not a results file"):
        results_bytes(msgspec.structs.replace(results, episodes=[episode]))


def test_unknown_aggregator_names_the_known_ones(run):
    with pytest.raises(UnknownNameError, match="known: default"):
        run("nothing")


def test_what_cannot_be_called_is_no_aggregator():
    assert "expected a callable" in not_an_aggregator(3)
    assert not_an_aggregator(NoExtra) == ""


def test_the_default_is_listed():
    assert "default" in list_metrics_aggregators()
    assert get_metrics_aggregator("default") is NoExtra
