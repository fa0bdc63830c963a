"""The processes of a batch, as its own process sees them: begins them, asks them, ends them.

Each process plays the environments of several rows and writes what they show into one block of
shared memory; over its pipe go a short command and a short answer a step. The block has no name any
more once every process holds it, so nothing is left behind however they end.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from multiprocessing.shared_memory import SharedMemory
from typing import Any, Final

from gymnasium.vector import AutoresetMode
from labtrust_core.errors import LabTrustError, UsageError

from labtrust_env.vector.arrays import BatchArrays, BatchShape
from labtrust_env.vector.chunk import EnvFactory, ResetOrder
from labtrust_env.vector.worker import (
    DONE,
    STEP,
    Failure,
    Job,
    arrays_of,
    command_bytes,
    work,
)

_PATIENCE_S: Final = 5  # for a process to end by itself


class WorkerError(LabTrustError):
    """A process of a batch failed; the message holds its traceback. The batch is closed."""


@dataclass(slots=True)
class _Worker:
    process: SpawnProcess
    pipe: Connection
    rows: range

    def __str__(self) -> str:
        return f"the process of environments {self.rows[0]}..{self.rows[-1]}"

    def ask(self, command: bytes) -> None:
        try:
            self.pipe.send_bytes(command)
        except OSError as error:
            raise WorkerError(self._ended()) from error

    def answer(self) -> Any:  # noqa: ANN401 - each command has its own
        try:
            sent = self.pipe.recv_bytes()
        except (EOFError, OSError) as error:
            raise WorkerError(self._ended()) from error
        if sent == DONE:
            return None
        found = pickle.loads(sent)  # noqa: S301 - from a process of our own
        if isinstance(found, Failure):
            raise WorkerError(f"{self} failed:\n{found.traceback}")
        return found

    def _ended(self) -> str:
        self.process.join(_PATIENCE_S)
        code = self.process.exitcode
        how = "does not answer" if code is None else f"ended with exit code {code}"
        return (
            f"{self} {how}; its standard error says more. A script that begins processes does so "
            'below `if __name__ == "__main__":`'
        )


class WorkerPool:
    """The processes that play a batch, and the memory that they share.

    Attributes:
        arrays: The whole batch's arrays; there are none once it is closed.
        closed: Whether the processes have ended.
    """

    def __init__(
        self, make: EnvFactory, shape: BatchShape, mode: AutoresetMode, workers: int
    ) -> None:
        """Begin ``workers`` processes and wait until each has made its environments.

        Args:
            make: Makes them, in the processes.
            shape: Of the whole batch.
            mode: What happens where an episode ends.
            workers: Number of processes, at most one an environment.

        Raises:
            UsageError: ``make`` cannot be pickled.
            WorkerError: One fails.
        """
        sent = _pickled(make)
        self.closed = False
        self._workers: list[_Worker] = []
        self._block = SharedMemory(create=True, size=shape.size())
        self.arrays: BatchArrays = arrays_of(self._block, shape)
        try:
            for rows in _shares(shape.envs, workers):
                job = Job(sent, shape, mode, self._block.name, rows)
                self._workers.append(_begin(job))
            for worker in self._workers:
                worker.answer()
        except BaseException:
            self.close()
            raise
        finally:
            self._block.unlink()

    def reset(self, order: ResetOrder) -> None:
        """Start episodes, as ``Chunk.reset``.

        Raises:
            WorkerError: A process fails.
        """
        self._ask_all(command_bytes("reset", order))

    def step(self) -> None:
        """Take a step, as ``Chunk.step``.

        Raises:
            WorkerError: A process fails.
        """
        self._ask_all(STEP)

    def call(self, name: str, args: Sequence[Any], options: Mapping[str, Any]) -> list[Any]:
        """Return what each environment gives, as ``Chunk.call``; all of it must be picklable.

        Raises:
            WorkerError: A process fails.
        """
        command = command_bytes("call", name, args, options)
        return [value for part in self._ask_all(command) for value in part]

    def _ask_all(self, command: bytes) -> list[Any]:
        """Return the answers of all processes, which work at the same time."""
        try:
            for worker in self._workers:
                worker.ask(command)
            return [worker.answer() for worker in self._workers]
        except BaseException:  # also an interrupt: answers to come would be taken for later ones
            self.close()
            raise

    def close(self) -> None:
        """End the processes and give the memory back; what is ended already is left alone."""
        if self.closed:
            return
        workers, self._workers, self.closed = self._workers, [], True
        for worker in workers:
            with contextlib.suppress(OSError):  # it has ended already
                worker.pipe.send_bytes(command_bytes("close"))
        for worker in workers:
            worker.process.join(_PATIENCE_S)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.process.close()
            worker.pipe.close()
        del self.arrays  # memory is given back when nothing lies in it any more
        self._block.close()


def _pickled(make: EnvFactory) -> bytes:
    try:
        return pickle.dumps(make)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise UsageError(
            f"other processes need a factory that can be pickled, such as a function of a module: "
            f"{error}"
        ) from error


def _begin(job: Job) -> _Worker:
    context = multiprocessing.get_context("spawn")  # safe beside threads, and the same everywhere
    here, there = context.Pipe()
    name = f"labtrust-{job.rows[0]}-{job.rows[-1]}"
    process = context.Process(target=work, args=(there, job), name=name, daemon=True)
    try:
        process.start()
    except BaseException:
        here.close()
        raise
    finally:
        there.close()  # so that the pipe ends when the process does
    return _Worker(process, here, job.rows)


def _shares(envs: int, workers: int) -> list[range]:
    """Return the rows of each process: neighbours, as equal in number as can be."""
    ends = [envs * number // workers for number in range(workers + 1)]
    return [range(ends[number], ends[number + 1]) for number in range(workers)]
