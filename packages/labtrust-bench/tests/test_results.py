"""Results files: their schema, their bytes, and reading them."""

import json
import os
import subprocess
import sys

import msgspec
import pytest
from jsonschema import Draft202012Validator
from labtrust_bench.runs.benchmark import run_benchmark
from labtrust_bench.runs.plan import RunConfig
from labtrust_bench.runs.results import (
    SCHEMA_VERSIONS,
    FullResults,
    check_document,
    read_results,
    results_bytes,
    schema_text,
    shipped_schema,
    write_results,
)
from labtrust_bench.runs.summary import markdown, one_line, summarise
from labtrust_core.canonical import canonical_bytes
from labtrust_core.errors import DocumentError, UsageError
from labtrust_core.ledger.verify import verify_log

PROGRAM = """
import sys
from pathlib import Path
from labtrust_bench import RunConfig, run_benchmark, write_results

config = RunConfig("throughput_sla", num_episodes=2, base_seed=int(sys.argv[1]), variant="smoke")
write_results(run_benchmark(config, Path("logs")), Path("results.json"))
"""


@pytest.fixture
def document(play):
    return msgspec.to_builtins(play().results)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """Run two episodes in a process, hash seed and folder of their own; gives all bytes."""

    def run(hash_seed, seed):
        folder = tmp_path_factory.mktemp("run")
        environ = {**os.environ, "PYTHONHASHSEED": hash_seed}
        subprocess.run(
            [sys.executable, "-c", PROGRAM, str(seed)], cwd=folder, env=environ, check=True
        )
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return {str(path.relative_to(folder)): path.read_bytes() for path in files}

    return run


@pytest.mark.parametrize("version", SCHEMA_VERSIONS)
def test_the_shipped_schema_is_the_one_of_the_types(version):
    assert shipped_schema(version) == json.loads(schema_text(version))


@pytest.mark.parametrize("version", SCHEMA_VERSIONS)
def test_the_schema_is_a_schema_and_closed(version):
    schema = shipped_schema(version)
    Draft202012Validator.check_schema(schema)

    assert all(
        item["additionalProperties"] is False
        for item in schema["$defs"].values()
        if "properties" in item
    )


def test_results_are_canonical_and_end_in_a_line_feed(play):
    data = results_bytes(play().results)

    assert data == canonical_bytes(json.loads(data)) + b"\n"


def test_what_is_written_is_read_back(play, tmp_path):
    path = tmp_path / "results.json"
    write_results(play().results, path)

    assert read_results(path) == play().results


@pytest.mark.parametrize("field", ["task", "seeds", "episodes", "policy_fingerprint", "partner_id"])
def test_a_missing_field_is_found(document, field):
    del document[field]

    with pytest.raises(DocumentError, match=field):
        check_document(document)


def test_an_unknown_metric_is_found(document):
    document["episodes"][0]["metrics"]["speed"] = 1

    with pytest.raises(DocumentError, match="speed"):
        check_document(document)


def test_a_negative_count_is_not_written(play, tmp_path):
    results = play().results
    metrics = msgspec.structs.replace(results.episodes[0].metrics, throughput=-1)
    episode = msgspec.structs.replace(results.episodes[0], metrics=metrics)
    path = tmp_path / "results.json"

    with pytest.raises(DocumentError, match="-1"):
        write_results(msgspec.structs.replace(results, episodes=[episode]), path)
    assert not path.exists()


def test_every_metric_is_an_integer_a_count_by_name_or_nothing(document):
    def leaves(value):
        if isinstance(value, dict):
            for item in value.values():
                yield from leaves(item)
        else:
            yield value

    assert {type(leaf) for leaf in leaves(document["episodes"][0]["metrics"])} <= {int, type(None)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"{", "truncated"),
        (b"", "truncated"),
        (b"[1]", "object"),
        (b"{}", "missing"),
        (b"\xff\xfe", "no results"),
        (b"[" * 100_000, "no results"),
    ],
    ids=["cut", "empty", "list", "bare", "no text", "deep"],
)
def test_what_is_no_results_file_is_refused(tmp_path, text, message):
    path = tmp_path / "results.json"
    path.write_bytes(text)

    with pytest.raises(DocumentError, match=message):
        read_results(path)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UsageError, match="cannot read"):
        read_results(tmp_path / "none.json")


@pytest.mark.parametrize(("field", "value"), [("seeds", [8]), ("num_episodes", 2)])
def test_results_that_contradict_themselves_are_refused(document, tmp_path, field, value):
    path = tmp_path / "results.json"
    path.write_bytes(json.dumps({**document, field: value}).encode())

    with pytest.raises(DocumentError, match=field):
        read_results(path)


def test_same_seed_gives_same_bytes_in_any_process_hash_seed_and_folder(elsewhere):
    first, second = elsewhere("0", 5), elsewhere("4711", 5)

    assert set(first) == {"results.json", "logs/episode_0.jsonl", "logs/episode_1.jsonl"}
    assert first == second


def test_another_seed_gives_another_workload(elsewhere):
    first, second = elsewhere("0", 5), elsewhere("0", 6)

    assert first["logs/episode_1.jsonl"] == second["logs/episode_0.jsonl"]
    assert first["logs/episode_0.jsonl"] != second["logs/episode_0.jsonl"]


def test_nothing_of_this_machine_or_moment_is_in_results_or_logs(play):
    text = results_bytes(play().results).decode() + play().log.read_text(encoding="utf-8")

    assert str(play().log.parent) not in text
    assert "home" not in text
    assert not any(word in text for word in ("timestamp", "started_at", "wall", "hostname"))


def test_results_name_what_made_them(play):
    results = play("adversarial_disruption").results

    assert results.agents["adversary_0"] == "labtrust_bench.agents.opponents.opponent:Opponent"
    assert results.task_source.distribution == "labtrust_bench"
    assert results.versions.keys() == {"labtrust-bench", "labtrust-core", "labtrust-env"}


def test_the_ledger_entry_is_the_end_of_the_log(play):
    entry = play().results.episodes[0].ledger
    report = verify_log(play().log)

    assert (report.head, report.records) == (entry.head, entry.length)


def test_logs_go_into_a_folder_that_is_made(policy, tmp_path):
    config = RunConfig("throughput_sla", num_episodes=2, variant="smoke", agents="noop")
    run_benchmark(config, tmp_path / "deep" / "logs", policy)

    logs = sorted((tmp_path / "deep" / "logs").iterdir())
    assert [path.name for path in logs] == ["episode_0.jsonl", "episode_1.jsonl"]
    assert all(verify_log(path).ok for path in logs)


def test_a_policy_of_another_partner_is_refused(policy):
    with pytest.raises(UsageError, match="expected hsl_like"):
        run_benchmark(RunConfig("throughput_sla", partner_id="hsl_like"), policy=policy)


def test_a_partner_changes_the_fingerprint(play):
    config = RunConfig("throughput_sla", variant="smoke", agents="noop", partner_id="hsl_like")
    results = run_benchmark(config)

    assert results.partner_id == "hsl_like"
    assert results.policy_fingerprint != play().results.policy_fingerprint


def test_a_summary_adds_up_over_episodes(play):
    results = play().results
    twice = msgspec.structs.replace(
        results, num_episodes=2, seeds=[7, 7], episodes=results.episodes * 2
    )
    one, two = summarise(results), summarise(twice)

    assert two.released == 2 * one.released
    assert two.p50_turnaround_s == one.p50_turnaround_s
    assert two.on_time_permille == one.on_time_permille


def test_a_summary_is_one_line_and_one_row(play):
    row = summarise(play().results)

    assert "\n" not in one_line(row)
    assert f"released {row.released} of {row.arrivals}" in one_line(row)
    assert f"| throughput_sla | {row.arrivals} | {row.released} |" in markdown([row], "Title")


def test_a_summary_of_nothing_shows_dashes(play):
    row = summarise(play(agents="noop").results)

    assert "STAT - / -" in one_line(row)


@pytest.fixture(scope="module")
def full(policy):
    """Results of version 0.3, of two episodes."""
    return run_benchmark(RunConfig("throughput_sla", 2, 7, "smoke", schema="0.3"), policy=policy)


def test_0_3_holds_the_metrics_of_0_2_and_says_what_episodes_come_to(full, play):
    counted = play().results.episodes[0].metrics
    found = msgspec.to_builtins(full.episodes[0].metrics)
    both = [item.metrics.throughput for item in full.episodes]

    assert msgspec.to_builtins(counted).items() <= found.items()
    assert full.aggregate.throughput_mean == sum(both) / 2
    ends = full.aggregate.throughput_ci_95
    assert ends.lower < full.aggregate.throughput_mean < ends.upper
    assert full.aggregate.p95_turnaround_s_ci_95 is not None


def test_0_3_is_written_and_read_back_and_summarised(full, tmp_path):
    path = tmp_path / "results.json"
    write_results(full, path)
    found = read_results(path)

    assert type(found) is FullResults
    assert found == full
    assert "throughput_sla: scripted; 2 episodes" in one_line(summarise(found))


def test_one_episode_has_a_mean_and_no_interval(policy):
    config = RunConfig("throughput_sla", 1, 7, "smoke", "noop", schema="0.3")
    found = run_benchmark(config, policy=policy).aggregate

    assert (found.throughput_mean, found.throughput_ci_95) == (0.0, None)
    assert found.p95_turnaround_s_mean is None


def test_a_version_that_nobody_knows_is_refused(document, tmp_path):
    path = tmp_path / "results.json"
    path.write_bytes(json.dumps({**document, "schema_version": "0.4"}).encode())

    with pytest.raises(DocumentError, match=r"no results of version 0\.2 or 0\.3"):
        read_results(path)
    with pytest.raises(UsageError, match=r"version 0\.2 or 0\.3, found 0\.4"):
        RunConfig("throughput_sla", schema="0.4")
