"""The figures, the intervals, the comparison and its plots; a night of the night site is played."""

import math
import shutil
from pathlib import Path

import pytest
from labtrust_bench.calibration.estimate import estimate, t_quantile
from labtrust_bench.calibration.figures import FIGURES_FILE, Figure, read_figures
from labtrust_bench.calibration.measures import MEASURES
from labtrust_bench.calibration.plot import arrivals_svg, forest_svg, turnaround_svg
from labtrust_bench.calibration.report import calibrate, notes, verdict, write_plots
from labtrust_bench.calibration.study import DayFigures, Plan, compare, simulate
from labtrust_core.errors import DocumentError, UnknownNameError, UsageError
from labtrust_core.policy.directory import find_policy_dir


def nothing():
    """Take note of a day."""


def figure(**changes):
    fields = {
        "quantity": "Requests",
        "published": 10.0,
        "low": 8.0,
        "high": 12.0,
        "range_": "ours",
        "unit": "a day",
        "source": "nobody",
        "kind": "held-out",
        "measure": "requests",
        "off": "a reason",
        **changes,
    }
    return Figure(**fields)


def day_of(value, seed=1):
    values = dict.fromkeys(MEASURES, None)
    return DayFigures(seed, {**values, "requests": value}, {}, {}, {})


def row_of(*values, **changes):
    (row,) = compare({"f": figure(**changes)}, [day_of(value) for value in values])
    return row


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """Two nights of the night site that end after three hours."""
    folder = tmp_path_factory.mktemp("short") / "policy"
    shutil.copytree(find_policy_dir(), folder)
    file = folder / "workload" / "workload_profiles.v0.1.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("horizon_s: 28800", "horizon_s: 10800"), encoding="utf-8")
    return Plan(site="night", days=2, seed=5, policy_dir=folder)


@pytest.fixture(scope="module")
def night(plan):
    """Those nights, compared."""
    return calibrate(plan, read_figures(), 1, nothing)


def test_the_published_figures_are_many_and_both_kinds():
    figures = read_figures()
    kinds = [item.kind for item in figures.values()]
    assert len(figures) >= 25
    assert min(kinds.count("fitted"), kinds.count("held-out")) >= 10


@pytest.mark.parametrize("name", read_figures())
def test_a_published_figure_has_a_source_and_a_measure(name):
    item = read_figures()[name]
    assert item.measure in MEASURES
    assert len(item.source) > 10
    assert item.published > 0


def test_a_range_that_does_not_hold_its_figure_is_refused(tmp_path):
    file = tmp_path / "figures.yaml"
    text = FIGURES_FILE.read_text(encoding="utf-8")
    file.write_text(text.replace("published: 1233", "published: 9999"), encoding="utf-8")
    with pytest.raises(DocumentError, match=r"requests_per_day.*9999"):
        read_figures(file)


def test_a_figure_without_a_source_is_refused(tmp_path):
    file = tmp_path / "figures.yaml"
    lines = FIGURES_FILE.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith("    source:")]
    file.write_text("\n".join(kept), encoding="utf-8")
    with pytest.raises(DocumentError, match="source"):
        read_figures(file)


@pytest.mark.parametrize(
    ("freedom", "quantile"), [(1, 12.7062), (2, 4.3027), (5, 2.5706), (19, 2.0930), (120, 1.9799)]
)
def test_quantiles_are_those_of_the_tables(freedom, quantile):
    assert t_quantile(0.95, freedom) == pytest.approx(quantile, abs=5e-5)


def test_the_interval_is_students():
    found = estimate([1.0, 2.0, 3.0, None])
    half = 4.302653 / math.sqrt(3)
    assert (found.mean, found.days) == (2.0, 3)
    assert found.low == pytest.approx(2 - half)
    assert found.high == pytest.approx(2 + half)


def test_one_day_has_a_mean_and_no_interval():
    found = estimate([4.0])
    assert (found.mean, found.low, found.high, found.days) == (4.0, None, None, 1)


def test_no_day_has_nothing():
    assert estimate([None]).mean is None


def test_a_row_agrees_when_interval_and_range_meet():
    assert row_of(12.9, 13.0, 13.1).agrees is False
    assert row_of(12.0, 13.0, 14.0).agrees is True
    assert row_of(13.0).agrees is False
    assert row_of(None).agrees is None


def test_a_row_whose_mean_is_outside_agrees_within_the_error_only():
    row = row_of(11.0, 13.5)
    assert (row.agrees, row.in_range) == (True, False)
    assert row.reason


def test_a_reason_stands_only_beside_what_is_outside():
    assert row_of(20.0, 20.0).reason == "a reason"
    assert not row_of(10.0, 10.0).reason


def test_fitted_rows_come_first():
    figures = {"a": figure(), "b": figure(kind="fitted")}
    assert [row.id for row in compare(figures, [day_of(10.0)])] == ["b", "a"]


def test_a_figure_of_an_unknown_measure_is_refused():
    with pytest.raises(UnknownNameError, match="no_such"):
        row_of(1.0, measure="no_such")


def test_the_verdict_counts_by_kind():
    rows = [row_of(10.0), row_of(99.0), row_of(None)]
    assert (
        verdict(rows) == "0 of 0 fitted rows agree, 1 of 2 held-out rows agree, 1 without a value"
    )


def test_few_days_and_another_site_are_remarked_on():
    assert len(notes(Plan(site="night", days=3))) == 2
    assert not notes(Plan())


def test_a_night_gives_a_value_to_most_rows(night):
    known = [row for row in night.rows if row.simulated is not None]
    assert len(known) > 0.5 * len(night.rows)
    by_id = {row.id: row for row in night.rows}
    assert 10 < by_id["requests_per_day"].simulated < 200
    assert by_id["median_stat_haematology"].simulated < by_id["median_stat_chemistry"].simulated


def test_the_same_seed_gives_the_same_rows_in_other_processes(night, plan):
    again = simulate(plan, 2, nothing)
    assert again == night.days


def test_each_day_is_another(night):
    first, second = night.days
    assert first.seed + 1 == second.seed
    assert first.arrivals != second.arrivals


def test_arrivals_of_a_night_are_at_night(night):
    by_hour = [sum(counts) for counts in zip(*night.days[0].arrivals.values(), strict=True)]
    assert sum(by_hour) == night.days[0].values["requests"]
    assert sum(by_hour[1:22]) == 0


def test_plots_show_every_row_that_has_a_value(night, tmp_path):
    files = write_plots(night, tmp_path / "plots")
    assert len(files) == 3
    drawn = forest_svg(night.rows)
    known = [row for row in night.rows if row.simulated is not None]
    assert drawn.count("<circle") + drawn.count('width="6"') == len(known)


def test_reasons_hold_for_the_site_that_was_fitted_alone(night):
    off = [row for row in night.rows if row.agrees is False]
    assert off
    assert {row.reason for row in off} == {""}


def test_plots_of_a_site_are_svg(night):
    for text in (turnaround_svg(night.days, night.rows), arrivals_svg(night.days)):
        assert text.startswith("<svg")
        assert text.endswith("</svg>\n")


@pytest.mark.parametrize(("days", "jobs"), [(0, 1), (1, 0)])
def test_no_days_or_no_processes_are_refused(days, jobs):
    with pytest.raises(UsageError, match="at least one"):
        simulate(Plan(days=days), jobs, nothing)


def test_an_unknown_site_is_refused_before_anything_runs():
    with pytest.raises(UnknownNameError, match="night"):
        simulate(Plan(site="moon"), 2, nothing)


def test_the_figures_are_in_the_package():
    assert Path(FIGURES_FILE).parent.name == "calibration"


@pytest.mark.slow
@pytest.mark.timeout(1_200)
def test_twenty_days_of_the_default_site_agree_with_most_figures():
    found = calibrate(Plan(), read_figures(), 2, nothing)
    fitted = [row.agrees for row in found.rows if row.kind == "fitted"]
    held_out = [row.agrees for row in found.rows if row.kind == "held-out"]
    assert sum(item is True for item in fitted) >= 0.8 * len(fitted)
    assert sum(item is True for item in held_out) >= 0.4 * len(held_out)
