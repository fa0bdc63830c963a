"""Processes of a batch play the same bytes, fail loudly, and leave nothing behind."""

import importlib
import os
import signal
import subprocess
import sys
import time
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import numpy as np
import pytest
from labtrust_core.errors import UsageError
from labtrust_env import EnvConfig, HospitalLabVector
from labtrust_env.vector import LabEnvironments, WorkerError

SMALL = EnvConfig(workload="district_smoke", max_cycles=5)
ENVS = 3
GONE_S = 20


@pytest.fixture(scope="module")
def labs(policy):
    """Return a batch in two processes; each test resets it."""
    with HospitalLabVector(
        LabEnvironments(SMALL, policy), ENVS, workers=2, with_state=True
    ) as made:
        yield made


@pytest.fixture
def toys(monkeypatch):
    """Return laboratories with faults, importable here and in other processes."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "toys"))
    return importlib.import_module("faulty_labs")


def waits(labs):
    return np.zeros((labs.num_envs, labs.num_agents), np.int64)


def played(labs, steps):
    observations, masks = labs.reset(seed=3)
    moments = [observations, masks]
    rng = np.random.default_rng(2)
    for _ in range(steps):
        actions = (rng.random(masks.shape) * masks).argmax(axis=-1)
        observations, masks, *rest, infos = labs.step(actions)
        moments += [observations, masks, *rest, labs.states()]
        moments += [infos[name] for name in sorted(infos) if name != "final_info"]
    return [(item.dtype, item.shape, item.tolist()) for item in moments]


def is_alive(pid):
    """Return whether a process runs; one that has ended and waits to be noted does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_they_play_the_same_bytes_as_one_process(labs, policy):
    with HospitalLabVector(LabEnvironments(SMALL, policy), ENVS, with_state=True) as alone:
        assert played(labs, 12) == played(alone, 12)


def test_a_reset_by_mask_leaves_the_other_process_alone(labs):
    labs.reset(seed=1)
    before, *_ = labs.step(waits(labs))
    after, _ = labs.reset(seed=[9, 9, 9], options={"reset_mask": np.array([True, False, False])})
    assert not np.array_equal(before[0], after[0])
    assert np.array_equal(before[1:], after[1:])
    assert labs.reset_infos["seed"].tolist() == [9, 0, 0]


def test_answers_of_calls_come_in_the_order_of_the_environments(labs):
    labs.reset(seed=20)
    masks = labs.call("action_mask", labs.agents[0])
    assert [mask.tolist() for mask in masks] == labs.action_masks()[:, 0].astype(int).tolist()


def test_the_shared_memory_has_no_name_any_more(labs):
    with pytest.raises(FileNotFoundError):
        SharedMemory(labs._players._block.name)


def test_closing_ends_the_processes(policy):
    labs = HospitalLabVector(LabEnvironments(SMALL, policy), 2, workers=2)
    pids = [worker.process.pid for worker in labs._players._workers]
    labs.close()
    labs.close()
    assert not any(is_alive(pid) for pid in pids)
    with pytest.raises(UsageError, match="closed"):
        labs.reset()


def test_an_error_in_a_process_comes_with_its_traceback(toys):
    labs = HospitalLabVector(toys.Broken, 2, workers=1)
    labs.reset(seed=1)
    labs.step(waits(labs))
    with pytest.raises(WorkerError, match=r"0\.\.1 failed:\n(?s:.*)one too many") as found:
        labs.step(waits(labs))
    assert "faulty_labs.py" in str(found.value)
    assert labs.closed
    labs.close()


def test_a_process_that_ends_without_a_word_is_an_error(toys):
    labs = HospitalLabVector(toys.Dying, 2, workers=2)
    labs.reset(seed=1)
    labs.step(waits(labs))
    with pytest.raises(WorkerError, match=r"0\.\.0 ended with exit code 3"):
        labs.step(waits(labs))
    assert labs.closed


def test_a_process_that_is_killed_is_an_error(policy):
    labs = HospitalLabVector(LabEnvironments(SMALL, policy), 1, workers=1)
    labs.reset(seed=1)
    os.kill(labs._players._workers[0].process.pid, signal.SIGKILL)
    with pytest.raises(WorkerError, match="exit code -9"):
        labs.step(waits(labs))
    assert labs.closed


def test_what_cannot_be_made_there_is_an_error_at_once(toys, monkeypatch):
    monkeypatch.setenv("LABTRUST_TEST_MAKER", str(os.getpid()))
    with pytest.raises(WorkerError, match="made in the wrong process"):
        HospitalLabVector(toys.Unmakeable, 1, workers=1)


def test_what_cannot_be_imported_there_is_an_error_that_says_so(toys, monkeypatch):
    monkeypatch.setattr("sys.path", [item for item in sys.path if "toys" not in item])
    with pytest.raises(WorkerError, match="No module named 'faulty_labs'"):
        HospitalLabVector(toys.Broken, 1, workers=1)


def test_a_factory_that_cannot_be_pickled_is_an_error(make_env):
    with pytest.raises(UsageError, match="can be pickled"):
        HospitalLabVector(make_env, 1, workers=1)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at processes by number")
@pytest.mark.parametrize("end", ["pass", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_nothing_outlives_a_script_that_does_not_close(end):
    script = (
        "import os, signal\n"
        "from labtrust_env import EnvConfig, HospitalLabVector\n"
        "labs = HospitalLabVector(EnvConfig(max_cycles=5), 1, workers=1)\n"
        "print(labs._players._workers[0].process.pid, labs._players._block.name, flush=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script + end],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    pid, name = done.stdout.split()
    assert done.stderr == ""
    until = time.monotonic() + GONE_S
    while is_alive(pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert not is_alive(pid)
    with pytest.raises(FileNotFoundError):
        SharedMemory(name)
