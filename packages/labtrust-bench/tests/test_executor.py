"""Jobs give the same answers in this process and in a pool, in order, and fail by name."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing

import pytest
from labtrust_bench.runs.executor import AHEAD, JobError, LocalPool, Serial, executor
from labtrust_core.errors import UnknownNameError, UsageError

EXECUTORS = pytest.mark.parametrize("chosen", [Serial(), LocalPool(2)], ids=["serial", "pool"])


def seed_name(job):
    return f"seed {job}"


@EXECUTORS
def test_answers_come_in_the_order_of_the_jobs(chosen):
    assert list(chosen.map(abs, range(-20, 0))) == list(range(20, 0, -1))


@EXECUTORS
def test_no_jobs_give_no_answers(chosen):
    assert list(chosen.map(abs, ())) == []


def test_one_worker_is_this_process_and_none_is_refused():
    assert isinstance(executor(), Serial)
    assert executor(3) == LocalPool(3)
    with pytest.raises(UsageError, match="at least 1"):
        executor(0)


def test_a_slow_job_does_not_change_the_order():
    answers = LocalPool(2).map(time.sleep, [0.3, 0, 0, 0, 0])

    assert list(answers) == [None] * 5


@EXECUTORS
def test_a_foreign_error_is_a_job_error_that_names_the_job(chosen):
    with pytest.raises(JobError, match=r"seed x: ValueError: .*'x'") as caught:
        list(chosen.map(int, ["1", "x"], label=seed_name))

    assert caught.value.label == "seed x"


@EXECUTORS
def test_an_error_of_ours_stays_what_it_is(chosen):
    from labtrust_bench.tasks.registry import get_task

    with pytest.raises(UnknownNameError, match="unknown task 'nonsense'") as caught:
        list(chosen.map(get_task, ["nonsense"]))

    assert caught.value.name == "nonsense"


@EXECUTORS
def test_answers_before_a_failure_are_handed_on(chosen):
    answers = chosen.map(int, ["1", "2", "x", "4"])

    assert [next(answers), next(answers)] == [1, 2]
    with pytest.raises(JobError):
        next(answers)


def test_a_worker_that_dies_is_named_by_its_job():
    with pytest.raises(JobError, match=r"seed 3: the worker process ended with code 3"):
        list(LocalPool(2).map(os._exit, [3], label=seed_name))


def test_work_that_cannot_be_sent_is_refused():
    with pytest.raises(UsageError, match="the work cannot be sent"):
        list(LocalPool(2).map(lambda job: job, [1]))


def test_a_job_that_cannot_be_sent_is_refused():
    with pytest.raises(UsageError, match=r"seed .* cannot be sent"):
        list(LocalPool(2).map(id, [lambda: 0], label=seed_name))


@EXECUTORS
def test_jobs_are_taken_as_answers_are(chosen):
    taken = []

    def jobs():
        for number in range(1_000):
            taken.append(number)
            yield number

    with closing(chosen.map(abs, jobs())) as answers:
        assert [next(answers) for _ in range(3)] == [0, 1, 2]

    assert len(taken) <= 3 + AHEAD * 2


def test_closing_ends_the_workers_at_once():
    answers = LocalPool(2).map(time.sleep, [0, 60, 60])
    next(answers)
    began = time.monotonic()
    answers.close()

    assert time.monotonic() - began < 10


def test_workers_use_one_thread_unless_told(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("MKL_NUM_THREADS", "3")
    names = ["OMP_NUM_THREADS", "MKL_NUM_THREADS"]

    assert list(LocalPool(2).map(os.getenv, names)) == ["1", "3"]
    assert "OMP_NUM_THREADS" not in os.environ


PROGRAM = """
import signal, sys, time
from labtrust_bench.runs.executor import LocalPool

signal.signal(signal.SIGINT, signal.default_int_handler)  # in a shell's background it is ignored

if __name__ == "__main__":
    jobs = ["__import__('os').getpid()"] * 2 + ["__import__('time').sleep(60)"] * 2
    answers = LocalPool(2).map(eval, jobs)
    try:
        print(next(answers), next(answers), flush=True)
        next(answers)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def gone(pids, within_s=10):
    end = time.monotonic() + within_s
    while any(map(alive, pids)) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(map(alive, pids))


@pytest.fixture
def started(tmp_path):
    """A process with two busy workers, and their ids."""
    script = tmp_path / "script.py"
    script.write_text(PROGRAM, encoding="utf-8")
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as process:
        yield process, {int(item) for item in process.stdout.readline().split()}
        process.kill()


def test_an_interrupt_ends_the_workers(started):
    process, workers = started
    process.send_signal(signal.SIGINT)

    assert process.wait(20) == 0
    assert process.stdout.read() == "interrupted\n"
    assert gone(workers)


def test_workers_end_with_a_parent_that_is_killed(started):
    process, workers = started
    process.kill()
    process.wait()

    assert gone(workers)
