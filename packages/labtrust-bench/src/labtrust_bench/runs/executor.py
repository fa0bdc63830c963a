"""Where jobs run: in this process, or in a pool of local ones. The answers are the same.

An executor has one method::

    with closing(executor.map(work, jobs, label=str)) as answers:
        for answer in answers:
            ...

``work`` is called once for each job, and the answers come in the order of the jobs, each as soon as
it and all before it are there. Jobs are taken from their iterable as workers become free, and only
a few answers wait at any time, so neither jobs nor answers pile up. Nothing that a job needs may
derive from the worker or from the order in which jobs end: a seed belongs into the job.

In a pool, ``work`` is pickled once for each worker and lives as long as it: an object with
``__call__`` may keep there what is expensive to make, such as a compiled policy. Jobs and answers
are pickled too. Processes are spawned, so a script that starts a pool needs
``if __name__ == "__main__":``.

A job that fails ends the map, after the answers to the jobs before it. A ``LabTrustError`` that the
work raises is raised here as it is; any other exception becomes a ``JobError`` that states the
job's label; a worker that dies is a ``JobError`` too. When the consumer stops early, is interrupted
or fails, closing the generator ends the workers at once; a worker whose parent is killed ends
itself.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, Final, Protocol, TypeVar

from labtrust_core.errors import LabTrustError, UsageError

Job = TypeVar("Job")
Answer = TypeVar("Answer")

AHEAD: Final = 4
"""Jobs in progress or waiting to be handed on, for each worker."""

_STOP_S: Final = 5.0  # how long an ended worker may take before it is killed
_THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_SPAWN: Final = multiprocessing.get_context("spawn")


class JobError(LabTrustError):
    """A job failed, by another error than one of ours or because its worker died.

    Attributes:
        label: Which job.
        reason: What happened.
    """

    def __init__(self, label: str, reason: str) -> None:
        self.label = label
        self.reason = reason
        super().__init__(f"{label}: {reason}")


class Executor(Protocol):
    """Runs jobs; see the module."""

    def map(
        self,
        work: Callable[[Job], Answer],
        jobs: Iterable[Job],
        label: Callable[[Job], str] = str,
    ) -> Generator[Answer, None, None]:
        """Yield the answer to each job, in the order of the jobs.

        Args:
            work: Called with each job.
            jobs: Taken as workers become free.
            label: What errors call a job, for example ``"seed 7"``.

        Raises:
            LabTrustError: The work raised it.
            JobError: The work raised anything else, or a worker died.
            UsageError: In a pool, when work or a job cannot be pickled.
        """
        ...


def executor(workers: int = 1) -> Executor:
    """Return the executor for a number of workers: 1 is this process.

    Raises:
        UsageError: The number is not positive.
    """
    if workers < 1:
        raise UsageError(f"the number of workers must be at least 1, found {workers}")
    return Serial() if workers == 1 else LocalPool(workers)


class Serial:
    """Runs every job in this process, one after the other."""

    def map(
        self,
        work: Callable[[Job], Answer],
        jobs: Iterable[Job],
        label: Callable[[Job], str] = str,
    ) -> Generator[Answer, None, None]:
        """Yield the answer to each job; see ``Executor.map``."""
        for job in jobs:
            try:
                answer = work(job)
            except LabTrustError:
                raise
            except Exception as error:
                raise JobError(label(job), _reason(error)) from error
            yield answer


@dataclass(frozen=True, slots=True)
class LocalPool:
    """Runs jobs in processes of this machine, which live as long as one map.

    Attributes:
        workers: How many processes; no more are started than there are jobs.
    """

    workers: int

    def map(
        self,
        work: Callable[[Job], Answer],
        jobs: Iterable[Job],
        label: Callable[[Job], str] = str,
    ) -> Generator[Answer, None, None]:
        """Yield the answer to each job; see ``Executor.map``."""
        pool = _Pool(_pickled(work, "the work"), self.workers, label)
        try:
            yield from pool.answers(iter(jobs))
        finally:
            pool.end()


@dataclass(slots=True)
class _Worker:
    process: SpawnProcess
    pipe: Connection
    number: int | None = None  # of the job that it is at
    label: str = ""


class _Pool:
    """The processes of one map, and what has come back but is not yet due."""

    def __init__(self, work: bytes, size: int, label: Callable[[Any], str]) -> None:
        self._work = work
        self._size = size
        self._label = label
        self._workers: list[_Worker] = []
        self._done: dict[int, tuple[Any, LabTrustError | None]] = {}
        self._given = 0
        self._taken = 0

    def answers(self, jobs: Iterator[Any]) -> Iterator[Any]:
        """Yield answers in order."""
        self._feed(jobs)
        while self._taken < self._given:
            while self._taken not in self._done:
                self._collect()
                self._feed(jobs)
            answer, error = self._done.pop(self._taken)
            if error is not None:
                raise error
            yield answer
            self._taken += 1
            self._feed(jobs)

    def end(self) -> None:
        """End every process, whatever it is at."""
        for worker in self._workers:
            worker.pipe.close()
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join(_STOP_S)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.process.close()

    def _feed(self, jobs: Iterator[Any]) -> None:
        """Give each free worker a job, as long as there are jobs and answers are taken."""
        while self._given - self._taken < AHEAD * self._size:
            free = next((item for item in self._workers if item.number is None), None)
            if free is None and len(self._workers) == self._size:
                return
            try:
                job = next(jobs)
            except StopIteration:
                return
            self._give(free or self._start(), job)

    def _start(self) -> _Worker:
        pipe, theirs = _SPAWN.Pipe()
        process = _SPAWN.Process(target=_serve, args=(theirs,), daemon=True)
        with _one_thread_each():
            process.start()
        theirs.close()
        worker = _Worker(process, pipe)
        self._workers.append(worker)
        self._send(worker, self._work)
        return worker

    def _give(self, worker: _Worker, job: object) -> None:
        worker.number, worker.label = self._given, self._label(job)
        self._given += 1
        self._send(worker, _pickled(job, worker.label))

    def _send(self, worker: _Worker, data: bytes) -> None:
        with suppress(OSError):  # it has died, and its pipe will say so when it is read
            worker.pipe.send_bytes(data)

    def _collect(self) -> None:
        """Wait until at least one worker has answered or died, and keep what has come."""
        busy: dict[object, _Worker] = {
            item.pipe: item for item in self._workers if item.number is not None
        }
        for pipe in wait([item.pipe for item in busy.values()]):
            worker = busy[pipe]
            number, worker.number = worker.number, None
            if number is not None:
                self._done[number] = self._receive(worker)

    def _receive(self, worker: _Worker) -> tuple[Any, LabTrustError | None]:
        try:
            answer, error, reason = pickle.loads(worker.pipe.recv_bytes())  # noqa: S301 - our own worker wrote it
        except (EOFError, OSError):
            self._workers.remove(worker)
            return None, _died(worker)
        return answer, JobError(worker.label, reason) if reason else error


def _died(worker: _Worker) -> JobError:
    worker.pipe.close()
    worker.process.join(_STOP_S)
    code = worker.process.exitcode
    hint = 'a script that starts workers needs if __name__ == "__main__"; or memory ran out'
    return JobError(worker.label, f"the worker process ended with code {code} ({hint})")


def _pickled(item: object, what: str) -> bytes:
    try:
        return pickle.dumps(item, pickle.HIGHEST_PROTOCOL)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise UsageError(f"{what} cannot be sent to a worker process: {error}") from error


def _reason(error: Exception) -> str:
    """Return type, message and the innermost place of an error, in one line."""
    frames = traceback.extract_tb(error.__traceback__)[1:]  # the first is the call from here
    place = f" (in {frames[-1].name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{place}"


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let a process that starts now use one thread for arrays, unless the user has said how many.

    Workers share the cores already.
    """
    unset = [name for name in _THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(unset, "1"))
    try:
        yield
    finally:
        for name in unset:
            del os.environ[name]


def _serve(pipe: Connection) -> None:
    """Work off jobs until the pipe ends: what a worker process does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its workers
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        work: Callable[[Any], object] | None = None
        while True:
            data = pipe.recv_bytes()
            if work is None:
                work = pickle.loads(data)  # noqa: S301 - our own parent wrote it
            else:
                pipe.send_bytes(_answer(work, data))
    except (EOFError, OSError):
        return  # the parent needs nothing more


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _answer(work: Callable[[Any], object], data: bytes) -> bytes:
    """Return answer, error and reason as bytes; of the last two at most one is there."""
    try:
        answer = work(pickle.loads(data))  # noqa: S301 - our own parent wrote it
        return pickle.dumps((answer, None, ""), pickle.HIGHEST_PROTOCOL)
    except LabTrustError as error:
        return pickle.dumps((None, error, ""), pickle.HIGHEST_PROTOCOL)
    except Exception as error:  # noqa: BLE001 - process boundary: the parent raises it
        return pickle.dumps((None, None, _reason(error)), pickle.HIGHEST_PROTOCOL)
