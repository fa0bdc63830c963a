"""`labtrust train-ppo` and `labtrust eval-ppo`."""

import importlib.util
import json

import pytest
from labtrust_cli.exit_codes import ExitCode

pytest.importorskip("labtrust_bench", reason="the commands belong to labtrust-bench")
np = pytest.importorskip("numpy", reason="likewise")

TINY = ("train-ppo", "--preset", "tiny", "--steps", "1", "--workers", "1")
needs_marl = pytest.mark.skipif(
    importlib.util.find_spec("sb3_contrib") is None, reason="training needs the extra marl"
)


@pytest.fixture
def untrained(tmp_path):
    """A run whose policy has random weights, as `train-ppo` leaves it."""
    from labtrust_bench.learning.config import preset
    from labtrust_bench.learning.labs import TrainingLab
    from labtrust_bench.learning.network import FORMAT, PolicyHead, PolicyNetwork, write_network
    from labtrust_bench.learning.run_files import (
        SCHEMA_VERSION,
        RunFolder,
        SeedBlock,
        TrainRecord,
        write_json,
    )
    from labtrust_core.domains import open_policy

    config = preset("tiny", task="throughput_sla")
    policy = open_policy()
    lab = TrainingLab(config, policy)
    folder = RunFolder(tmp_path / "crew")
    folder.create()
    record = TrainRecord(
        schema_version=SCHEMA_VERSION,
        config=config,
        updates=1,
        agent_steps=1,
        workers=1,
        seeds=SeedBlock(first=config.first_seed, count=2, validation=config.validation_seeds),
        policy_fingerprint=policy.fingerprint,
        layout_fingerprint=lab.shape.fingerprint,
        versions={},
        machine="any",
    )
    write_json(folder.record, record)
    head = PolicyHead(
        format=FORMAT,
        layers=1,
        decide="sample",
        layout_fingerprint=lab.shape.fingerprint,
        policy_fingerprint=policy.fingerprint,
        task=config.task,
        variant=config.variant,
    )
    weights = np.random.default_rng(1).standard_normal((lab.shape.inputs, lab.shape.actions))
    network = PolicyNetwork(head, lab.usable, (weights,), (np.zeros(lab.shape.actions),))
    write_network(folder.policy, network)
    return folder.path


def test_a_crew_is_compared_with_all_yardsticks_on_the_seeds_asked_for(labtrust, untrained):
    answer = labtrust(
        "eval-ppo", str(untrained), "--episodes", "2", "--base-seed", "9", "--format", "json"
    )
    found = json.loads(answer.out)

    assert answer.code == ExitCode.DONE, answer.err
    assert [crew["crew"] for crew in found["crews"]] == [
        "noop",
        "random",
        "fifo",
        "scripted",
        "ppo",
    ]
    assert found["seeds"] == [9, 10]
    assert found["beats"] == {"fifo": False, "random": False}
    scripted = found["crews"][3]
    assert scripted["reward"]["low"] <= scripted["reward"]["mean"] <= found["ceiling"]


def test_the_table_has_a_line_a_crew_and_says_what_was_beaten(labtrust, untrained):
    out = labtrust("eval-ppo", str(untrained), "--episodes", "1").out

    assert [line.split()[0] for line in out.splitlines()[1:6]] == [
        "noop",
        "random",
        "fifo",
        "scripted",
        "ppo",
    ]
    assert "ppo against fifo: not clearly above" in out


def test_training_seeds_are_refused(labtrust, untrained):
    answer = labtrust("eval-ppo", str(untrained), "--base-seed", "10000001")

    assert answer.code == ExitCode.BAD_REQUEST
    assert "10000001 was used in training" in answer.err


def test_a_trained_crew_can_be_benchmarked_like_any_other(labtrust, untrained, tmp_path):
    out = tmp_path / "results.json"
    answer = labtrust(
        "run-benchmark",
        "--task",
        "throughput_sla",
        "--smoke",
        "--agents",
        f"ppo:{untrained}",
        "--out",
        str(out),
    )

    assert answer.code == ExitCode.DONE, answer.err
    results = json.loads(out.read_bytes())
    assert results["agent_baseline_id"].startswith("ppo:")
    assert set(results["agents"].values()) == {"labtrust_bench.learning.policy:LearnedAgent"}


def test_without_the_extra_the_pip_command_is_said(labtrust, monkeypatch, tmp_path):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "torch" else found(name)
    )
    answer = labtrust(*TINY, "--out", str(tmp_path / "run"))

    assert answer.code == ExitCode.BAD_REQUEST
    assert "pip install 'labtrust-bench[marl]'" in answer.err
    assert not (tmp_path / "run").exists()


@needs_marl
@pytest.mark.filterwarnings("default")  # libraries of the extra warn of their use of others
@pytest.mark.slow
def test_a_run_is_done_again_from_its_configuration(labtrust, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    answer = labtrust(*TINY, "--seed", "3", "--out", str(first), "--format", "json")
    config = str(first / "train_config.json")
    again = labtrust("train-ppo", "--config", config, "--workers", "1", "--out", str(second))

    assert answer.code == again.code == ExitCode.DONE, answer.err + again.err
    assert json.loads(answer.out)["best_update"] == 1
    assert (first / "policy.npz").read_bytes() == (second / "policy.npz").read_bytes()
    assert (first / "train_config.json").read_bytes() == (second / "train_config.json").read_bytes()


@needs_marl
@pytest.mark.parametrize(
    ("told", "said"),
    [
        (["--resume"], "--out"),
        (["--resume", "--seed", "1", "--out", "x"], "--seed cannot change"),
        (["--preset", "enormous"], "unknown preset"),
        (["--task", "enormous"], "unknown task"),
    ],
)
def test_what_cannot_be_trained_is_a_bad_request(labtrust, told, said):
    answer = labtrust("train-ppo", *told)

    assert answer.code == ExitCode.BAD_REQUEST
    assert said in answer.err


@needs_marl
def test_a_folder_with_something_in_it_is_left_alone(labtrust, tmp_path):
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    answer = labtrust(*TINY, "--out", str(tmp_path))

    assert answer.code == ExitCode.BAD_REQUEST
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
