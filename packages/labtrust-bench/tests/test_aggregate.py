"""Many results files as few rows: what is averaged, what is refused, and the files."""

import csv
import io
import json

import msgspec
import pytest
from labtrust_bench.runs.aggregate import FIGURES, SHARES, aggregate, find_results
from labtrust_bench.runs.aggregate_files import row_0_2, row_0_3, summary_files
from labtrust_bench.runs.benchmark import run_benchmark
from labtrust_bench.runs.plan import RunConfig
from labtrust_bench.runs.results import write_results
from labtrust_core.errors import DocumentError, UsageError


@pytest.fixture(scope="module")
def made(policy):
    """Results of a crew with three seeds, of one that does nothing, and of opponents."""
    return {
        name: run_benchmark(RunConfig(task, count, seed, "smoke", crew), policy=policy)
        for name, task, crew, seed, count in (
            ("a", "throughput_sla", "scripted", 7, 2),
            ("b", "throughput_sla", "scripted", 9, 1),
            ("idle", "throughput_sla", "noop", 7, 2),
            ("opposed", "adversarial_disruption", "noop", 7, 1),
        )
    }


@pytest.fixture
def folder(made, tmp_path):
    for name, results in made.items():
        write_results(results, tmp_path / f"{name}.json")
    return tmp_path


def changed(made, folder, name, **fields):
    """Write results that differ from others in some fields."""
    write_results(msgspec.structs.replace(made["b"], **fields), folder / name)


def test_files_of_one_task_crew_partner_and_variant_are_one_row(folder):
    groups = aggregate([folder])
    keys = [(item.header.task, item.header.agent_baseline_id, item.episodes) for item in groups]

    assert keys == [
        ("adversarial_disruption", "noop", 1),
        ("throughput_sla", "noop", 2),
        ("throughput_sla", "scripted", 3),
    ]


def test_a_row_holds_means_deviations_and_intervals(folder, made):
    released = [item.metrics.throughput for name in "ab" for item in made[name].episodes]
    *_, group = aggregate([folder])
    row = row_0_3(group)
    mean = sum(released) / 3
    spread = (sum((item - mean) ** 2 for item in released) / 2) ** 0.5

    assert row["n_episodes"] == 3
    assert row["throughput_mean"] == pytest.approx(mean, abs=1e-6)
    assert row["throughput_std"] == pytest.approx(spread, abs=1e-6)
    half = 4.302653 * spread / 3**0.5  # t(0.975, 2)
    assert row["throughput_mean_ci_upper"] == pytest.approx(mean + half, abs=1e-4)
    assert row["throughput_p50"] == sorted(released)[1]
    assert row["without_violation_share"] == 1
    assert row["without_violation_share_ci_lower"] == 0.292402  # 0.025 ** (1 / 3)
    assert row_0_2(group).items() <= row.items()


def test_what_does_not_exist_is_empty_and_not_zero(folder):
    _, idle, _ = aggregate([folder])
    row = row_0_3(idle)

    assert row["throughput_mean"] == 0
    assert row["p95_turnaround_s_mean"] is row["on_time_rate_mean"] is None
    assert row["detection_latency_s_p50"] is None
    assert (row["containment_success_of"], row["containment_success_share"]) == (0, None)


def test_opponents_are_counted_where_there_are_any(folder):
    row = row_0_3(aggregate([folder / "opposed.json"])[0])

    assert (row["containment_success_episodes"], row["containment_success_of"]) == (1, 1)
    assert row["containment_success_share_ci_lower"] == 0.025
    assert row["detection_latency_s_mean"] >= 0
    assert row["detection_latency_s_std"] is None


def test_every_figure_and_share_is_a_column(folder):
    files = summary_files(aggregate([folder]), "sums")
    assert files.keys() == {"sums_v0.2.csv", "sums_v0.3.csv", "sums.md"}
    rows = list(csv.DictReader(io.StringIO(files["sums_v0.3.csv"])))

    assert len(rows) == 3
    for name in FIGURES:
        tails = ("mean", "std", "p50", "p90", "mean_ci_lower", "mean_ci_upper")
        assert {f"{name}_{tail}" for tail in tails} <= rows[0].keys()
    for name in SHARES:
        tails = ("episodes", "of", "share", "share_ci_lower", "share_ci_upper")
        assert {f"{name}_{tail}" for tail in tails} <= rows[0].keys()
    assert files["sums.md"].count("| throughput_sla |") == 2
    assert "\r" not in "".join(files.values())


def test_the_order_of_files_does_not_matter(folder):
    names = [folder / f"{name}.json" for name in ("b", "idle", "a", "opposed")]

    assert summary_files(aggregate(names)) == summary_files(aggregate(names[::-1]))


def test_a_policy_apart_is_refused_unless_wanted_and_then_a_row_apart(folder, made):
    changed(made, folder, "other.json", policy_fingerprint="0" * 64)

    with pytest.raises(UsageError, match=r"come from different policies \(.* and 000000000000\)"):
        aggregate([folder])
    assert len(aggregate([folder], mixed_policies=True)) == 4


def test_a_partner_has_a_policy_of_its_own(folder, made):
    changed(made, folder, "c.json", policy_fingerprint="0" * 64, partner_id="hsl_like")

    assert len(aggregate([folder])) == 4


def test_an_episode_does_not_count_twice(folder, made):
    changed(made, folder, "copy.json")

    with pytest.raises(UsageError, match=r"seed 9 of throughput_sla \(scripted\) is in .*b\.json"):
        aggregate([folder])


def test_files_that_were_not_measured_alike_are_not_averaged(folder, made):
    signed = msgspec.structs.replace(made["b"].config, signed=True)
    changed(made, folder, "signed.json", config=signed)

    with pytest.raises(UsageError, match=r"does not go with .*: config\.signed is False there"):
        aggregate([folder])


def test_other_versions_are_not_averaged(folder, made):
    changed(made, folder, "later.json", versions={**made["b"].versions, "labtrust-core": "9.9"})

    with pytest.raises(UsageError, match=r"versions\.labtrust-core"):
        aggregate([folder])


def test_manifests_and_metadata_of_a_folder_are_passed_over(folder):
    for name in ("manifest.json", "metadata.json", ".hidden.json"):
        (folder / name).write_text("{}", encoding="utf-8")

    assert len(find_results([folder])) == 4


def test_a_file_that_is_no_results_file_is_an_error_and_not_skipped(folder):
    (folder / "notes.json").write_text(json.dumps({"a": 1}), encoding="utf-8")

    with pytest.raises(DocumentError, match=r"notes\.json"):
        aggregate([folder])


def test_nothing_to_summarise_is_an_error(tmp_path):
    with pytest.raises(UsageError, match="holds no results file"):
        aggregate([tmp_path])
    with pytest.raises(UsageError, match="does not exist"):
        aggregate([tmp_path / "none"])
