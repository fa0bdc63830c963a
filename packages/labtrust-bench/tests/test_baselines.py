"""The official baselines: their registry, generating them, and comparing with what is frozen."""

import json
import shutil
from pathlib import Path

import pytest
from labtrust_bench.runs.baselines import (
    BaselineRegistry,
    Baselines,
    compare,
    file_name,
    generate,
    read_registry,
)
from labtrust_bench.runs.executor import LocalPool
from labtrust_bench.runs.results import read_results
from labtrust_bench.tasks.registry import TASKS
from labtrust_core.canonical import sha256_hex
from labtrust_core.errors import PolicyError, UnknownNameError, UsageError
from labtrust_core.policy.documents import read_document
from labtrust_core.policy.load import typed

SHIPPED = Path(__file__).parents[3] / "benchmarks" / "baseline_registry.v0.1.yaml"
TEXT = """
version: "0.1"
episodes: 2
base_seed: 5
tasks:
  throughput_sla: [noop]
  adversarial_disruption: [noop]
"""


@pytest.fixture
def registry_file(tmp_path):
    def write(text=TEXT):
        path = tmp_path / "registry.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="module")
def wanted():
    tasks = {"throughput_sla": ["noop"], "adversarial_disruption": ["noop"]}
    return Baselines(BaselineRegistry(version="0.1", episodes=2, base_seed=5, tasks=tasks), "smoke")


@pytest.fixture(scope="module")
def frozen(wanted, tmp_path_factory):
    folder = tmp_path_factory.mktemp("frozen")
    generate(wanted, folder)
    return folder


@pytest.fixture
def copied(frozen, tmp_path):
    """A copy of the baselines, to be tampered with."""
    return shutil.copytree(frozen, tmp_path / "copy")


def everything(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_a_registry_is_read(registry_file, wanted):
    assert read_registry(registry_file()) == wanted.registry


@pytest.mark.parametrize(
    ("before", "after", "error"),
    [
        ("episodes: 2", "episodes: 0", PolicyError),
        ("episodes: 2", "rounds: 2", PolicyError),
        ("[noop]", "[]", PolicyError),
        ("throughput_sla", "nonsense", UnknownNameError),
        ("[noop]", "[heroic]", UnknownNameError),
    ],
)
def test_a_registry_that_is_none_is_refused(registry_file, before, after, error):
    with pytest.raises(error):
        read_registry(registry_file(TEXT.replace(before, after, 1)))


def test_a_registry_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UsageError, match="--registry"):
        read_registry(tmp_path / "none.yaml")


@pytest.mark.skipif(not SHIPPED.is_file(), reason="the registry belongs to the checkout")
def test_the_registry_of_the_project_has_a_baseline_for_each_task_of_ours():
    document = read_document(SHIPPED)
    registry = typed(document.data, BaselineRegistry, [document])
    ours = {name for name in TASKS.names() if TASKS.source(name).distribution == "labtrust_bench"}

    assert ours <= registry.tasks.keys()
    assert all(crews[0] == "scripted" for crews in registry.tasks.values())


def test_every_baseline_has_results_and_a_digest(frozen, wanted):
    files = everything(frozen)
    metadata = json.loads(files["metadata.json"])
    names = {f"results/{file_name(config)}" for config in wanted.configs()}

    assert names == {"results/throughput_sla_noop.json", "results/adversarial_disruption_noop.json"}
    assert files.keys() == names | {"summary.csv", "summary.md", "metadata.json"}
    for name, digest in metadata["files"].items():
        assert sha256_hex(files[name]) == digest
    assert read_results(frozen / "results" / "throughput_sla_noop.json").seeds == [5, 6]


def test_nothing_of_this_machine_or_moment_is_in_them(frozen):
    text = b"".join(everything(frozen).values()).decode()

    assert str(frozen) not in text
    assert not any(word in text for word in ("timestamp", "/home", "hostname"))


def test_a_second_generation_is_the_same_also_with_workers(frozen, wanted, tmp_path):
    generate(wanted, tmp_path, LocalPool(2))

    assert everything(tmp_path) == everything(frozen)
    assert compare(frozen, tmp_path) == []


def test_a_changed_figure_is_named_with_seed_and_both_values(frozen, copied):
    path = copied / "results" / "throughput_sla_noop.json"
    text = path.read_text(encoding="utf-8")
    steps = json.loads(text)["episodes"][1]["metrics"]["steps"]
    head, _, tail = text.rpartition(f'"steps":{steps}')
    path.write_text(f'{head}"steps":1{tail}', encoding="utf-8")

    where = "results/throughput_sla_noop.json: episodes.seed 6.metrics.steps"
    assert compare(copied, frozen) == [f"{where} is 1 there and {steps} now"]


def test_a_file_too_many_or_too_few_is_named(frozen, copied):
    (copied / "results" / "throughput_sla_noop.json").unlink()
    (copied / "more.txt").touch()

    assert compare(copied, frozen) == [
        "more.txt: frozen, and not generated any more",
        "results/throughput_sla_noop.json: generated, and not frozen",
    ]


def test_other_bytes_of_the_same_values_are_a_difference(frozen, copied):
    path = copied / "results" / "throughput_sla_noop.json"
    path.write_bytes(path.read_bytes().replace(b":", b": ", 1))
    (copied / "summary.csv").write_bytes(b"x" + (copied / "summary.csv").read_bytes())

    assert compare(copied, frozen) == [
        "results/throughput_sla_noop.json: the same values, in other bytes",
        "summary.csv: line 1 differs",
    ]


def test_a_folder_without_baselines_is_refused(frozen, tmp_path):
    with pytest.raises(UsageError, match="holds no baselines"):
        compare(tmp_path, frozen)
