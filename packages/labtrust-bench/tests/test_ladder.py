"""The ladder: intervals, verdicts, and figures that do not depend on who does the work."""

import json
import types

import pytest
from labtrust_bench.ladder import Ladder, LadderConfig, climb, metric_value
from labtrust_bench.ladder.plot import ladder_svg
from labtrust_bench.ladder.tables import COLUMNS, as_csv, as_json, as_markdown, as_text
from labtrust_core.errors import UnknownNameError, UsageError

CONFIG = LadderConfig(
    tasks=("coord_scale",), crews=("noop", "fifo", "scripted"), seeds=2, variant="smoke"
)


@pytest.fixture(scope="module")
def ladder():
    return climb(CONFIG)


def test_each_crew_has_a_row_for_each_metric(ladder):
    rows = {(row.agent, row.metric) for row in ladder.rows}
    metrics = ("service.weighted_on_time_permille", "throughput", "reward_milli")

    assert rows == {(crew, metric) for crew in CONFIG.crews for metric in metrics}
    assert {row.metric for row in ladder.rows if row.primary} == {metrics[0]}
    assert all(row.ci_low <= row.mean <= row.ci_high and row.seeds == 2 for row in ladder.rows)


def test_each_rung_is_compared_with_the_one_below(ladder):
    steps = [(item.lower, item.upper) for item in ladder.verdicts]

    assert steps == [("noop", "fifo"), ("fifo", "scripted")]
    assert all(item.difference > 0 for item in ladder.verdicts)


def test_a_crew_is_not_above_itself_turned_round():
    turned = LadderConfig(("coord_scale",), ("scripted", "noop"), seeds=2, variant="smoke")
    found = climb(turned)

    assert not found.holds
    assert found.verdicts[0].difference < 0


def test_figures_do_not_depend_on_the_workers(ladder):
    parts = []
    shared = climb(CONFIG, workers=2, done=parts.append)

    assert (shared.rows, shared.verdicts) == (ladder.rows, ladder.verdicts)
    assert sum(parts) == 2 * len(CONFIG.crews)


def test_seeds_follow_one_another_in_parts():
    runs = LadderConfig(("coord_scale",), ("noop",), seeds=7, base_seed=3).runs()

    assert [seed for run in runs for seed in run.seeds] == list(range(3, 10))


def test_a_ladder_of_all_tasks_names_each():
    assert len(LadderConfig().played) >= 10


@pytest.mark.parametrize(
    "wrong", [{"seeds": 1}, {"crews": ()}, {"crews": ("noop", "noop")}, {"tasks": ("a", "a")}]
)
def test_what_is_no_ladder_is_an_error(wrong):
    with pytest.raises(UsageError):
        LadderConfig(**wrong)


def test_no_worker_is_an_error():
    with pytest.raises(UsageError, match="worker"):
        climb(CONFIG, workers=0)


def test_an_unknown_task_is_an_error():
    with pytest.raises(UnknownNameError, match="coord_scale"):
        climb(LadderConfig(tasks=("coord",), seeds=2))


def test_a_metric_is_found_at_its_path():
    metrics = types.SimpleNamespace(a=types.SimpleNamespace(b=7), c=None)

    assert metric_value(metrics, "a.b") == 7
    for path in ("a.x", "c", "c.d", "a"):
        with pytest.raises(UsageError, match="no figure"):
            metric_value(metrics, path)


def test_tables_say_the_same_in_each_format(ladder):
    head, *lines = as_csv(ladder).splitlines()
    plain = as_json(ladder)

    assert tuple(head.split(",")) == COLUMNS
    assert len(lines) == len(plain["rows"]) == len(ladder.rows)
    assert json.loads(json.dumps(plain)) == plain
    assert as_markdown(ladder).count("\n| `coord_scale` |") == 1
    assert f"of {len(ladder.verdicts)} steps separated, 2 seeds" in as_text(ladder)


def test_what_is_not_separated_is_said_aloud(ladder):
    from dataclasses import replace

    verdicts = tuple(replace(item, separated=False) for item in ladder.verdicts)

    assert "NOT SEPARATED" in as_text(Ladder(CONFIG, ladder.rows, verdicts))


def test_the_picture_shows_each_crew_of_each_task(ladder):
    picture = ladder_svg(ladder)

    assert picture.startswith("<svg")
    assert picture.count("<circle") == 2 * len(CONFIG.crews)
    assert "coord_scale" in picture
