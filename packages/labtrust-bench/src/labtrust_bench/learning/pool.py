"""Laboratories side by side, in this process or shared among several; the same results either way.

Arrays go through shared memory, so that a step costs two short messages a process.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.shared_memory import SharedMemory
from typing import Any, Final, Self

import numpy as np
from labtrust_core.domains import open_policy
from labtrust_core.errors import LabTrustError
from numpy.typing import NDArray

from labtrust_bench.learning.config import TrainConfig
from labtrust_bench.learning.labs import EpisodeSummary, Floats, LabShape, Masks, TrainingLab

_STOP: Final = "stop"
_GONE_S: Final = 10


class WorkerError(LabTrustError):
    """A process that plays laboratories has failed."""


@dataclass(frozen=True, slots=True)
class LabArrays:
    """The state of some laboratories; the first axis is the laboratory, the second the member.

    Attributes:
        inputs: float32 ``(labs, members, inputs)``.
        masks: int8 ``(labs, members, actions)``.
        actions: int64 ``(labs, members)``.
        paid: float32 ``(labs, members)``.
        ended: bool ``(labs,)``: whether the last step ended the episode.
    """

    inputs: Floats
    masks: Masks
    actions: NDArray[np.int64]
    paid: Floats
    ended: NDArray[np.bool_]

    @staticmethod
    def parts(shape: LabShape, labs: int) -> list[tuple[tuple[int, ...], Any]]:
        """Return shape and type of each array, in order."""
        members = len(shape.members)
        return [
            ((labs, members, shape.inputs), np.float32),
            ((labs, members, shape.actions), np.int8),
            ((labs, members), np.int64),
            ((labs, members), np.float32),
            ((labs,), np.bool_),
        ]

    @classmethod
    def on(cls, memory: memoryview | None, shape: LabShape, labs: int) -> Self:
        """Lay the arrays out on shared memory, or on memory of their own."""
        arrays: list[NDArray[Any]] = []
        at = 0
        for size, kind in cls.parts(shape, labs):
            array = (
                np.zeros(size, kind)
                if memory is None
                else np.ndarray(size, kind, memory, offset=at)
            )
            arrays.append(array)
            at += -(-array.nbytes // 8) * 8
        return cls(*arrays)

    @classmethod
    def bytes_needed(cls, shape: LabShape, labs: int) -> int:
        """Return the size of the memory that ``on`` wants."""
        sizes = (
            int(np.prod(size)) * np.dtype(kind).itemsize for size, kind in cls.parts(shape, labs)
        )
        return sum(-(-size // 8) * 8 for size in sizes)


class LabGroup:
    """Some of the laboratories, played in this process.

    A laboratory whose episode ends before the others' waits for the next reset.
    """

    def __init__(self, config: TrainConfig, arrays: LabArrays, which: range) -> None:
        policy = open_policy(None, config.partner)
        self._arrays = arrays
        self._labs = {number: TrainingLab(config, policy) for number in which}

    def reset(self, seeds: Sequence[int]) -> None:
        """Start the episodes of seeds, one a laboratory of the whole pool."""
        for number, lab in self._labs.items():
            lab.reset(seeds[number])
            self._arrays.ended[number] = False
            self._arrays.paid[number] = 0
            lab.write(self._arrays.inputs[number], self._arrays.masks[number])

    def step(self) -> None:
        """Play a step with the actions that stand in the arrays."""
        arrays = self._arrays
        for number, lab in self._labs.items():
            if lab.done:
                arrays.paid[number] = 0
                continue
            lab.step(arrays.actions[number], arrays.paid[number])
            arrays.ended[number] = lab.done
            lab.write(arrays.inputs[number], arrays.masks[number])

    def summaries(self) -> list[EpisodeSummary]:
        """Return what came out of each laboratory's episode so far."""
        return [lab.summary() for lab in self._labs.values()]


def _serve(
    pipe: Connection, memory_name: str, config: TrainConfig, shape: LabShape, which: range
) -> None:
    """Play a group in a process of its own until told to stop."""
    memory = SharedMemory(memory_name)
    arrays = LabArrays.on(memory.buf, shape, config.labs)
    try:
        group = LabGroup(config, arrays, which)
        pipe.send(None)
        while True:
            name, arguments = pipe.recv()
            if name == _STOP:
                break
            pipe.send(getattr(group, name)(*arguments))
    except (EOFError, BrokenPipeError):
        return  # whoever asked is gone
    except (LabTrustError, OSError, ValueError, KeyError) as error:
        pipe.send(error)
    finally:
        del arrays
        memory.close()


class LabPool:
    """All laboratories of a training.

    Attributes:
        shape: Sizes of one laboratory.
        usable: int8 vector: 1 for each action that the learner may use.
        labs: How many there are.
        arrays: Their state; valid until the next reset or step.
    """

    def __init__(self, config: TrainConfig, workers: int = 1) -> None:
        """Start the processes.

        Args:
            config: What is trained.
            workers: How many processes share the laboratories; with 1 it is this one.

        Raises:
            LabTrustError: The task cannot be played.
        """
        sample = TrainingLab(config, open_policy(None, config.partner))
        self.shape = sample.shape
        self.usable = sample.usable
        self.labs = config.labs
        self._memory: SharedMemory | None = None
        self._pipes: list[Connection] = []
        self._processes: list[SpawnProcess] = []
        self._group: LabGroup | None = None
        if workers <= 1:
            self.arrays = LabArrays.on(None, self.shape, self.labs)
            self._group = LabGroup(config, self.arrays, range(self.labs))
            return
        size = LabArrays.bytes_needed(self.shape, self.labs)
        self._memory = SharedMemory(create=True, size=size)
        self.arrays = LabArrays.on(self._memory.buf, self.shape, self.labs)
        context = multiprocessing.get_context("spawn")
        for number in range(min(workers, self.labs)):
            which = range(number, self.labs, min(workers, self.labs))
            self._start(context, config, which)
        self._answers()

    def _start(self, context: SpawnContext, config: TrainConfig, which: range) -> None:
        if self._memory is None:
            raise WorkerError("no memory is shared")
        ours, theirs = context.Pipe()
        arguments = (theirs, self._memory.name, config, self.shape, which)
        process = context.Process(target=_serve, args=arguments, daemon=True)
        process.start()
        theirs.close()
        self._pipes.append(ours)
        self._processes.append(process)

    def reset(self, seeds: Sequence[int]) -> None:
        """Start the episodes of seeds, one a laboratory."""
        self._call("reset", tuple(seeds))

    def step(self) -> None:
        """Play a step with the actions that stand in the arrays."""
        self._call("step")

    def summaries(self) -> list[EpisodeSummary]:
        """Return what came out of each laboratory's episode so far, by laboratory."""
        found = self._call("summaries")
        width = len(found)
        ordered: list[EpisodeSummary] = [found[n % width][n // width] for n in range(self.labs)]
        return ordered

    def _call(self, name: str, *arguments: object) -> list[Any]:
        if self._group is not None:
            return [getattr(self._group, name)(*arguments)]
        for pipe in self._pipes:
            pipe.send((name, arguments))
        return self._answers()

    def _answers(self) -> list[Any]:
        answers = []
        for pipe in self._pipes:
            try:
                answer = pipe.recv()
            except EOFError as error:
                raise WorkerError("a process that plays laboratories has died") from error
            if isinstance(answer, Exception):
                raise WorkerError(f"a process that plays laboratories failed: {answer}") from answer
            answers.append(answer)
        return answers

    def close(self) -> None:
        """End the processes and give the memory back."""
        for pipe in self._pipes:
            try:
                pipe.send((_STOP, ()))
            except OSError:
                continue  # it is gone already
        for process in self._processes:
            process.join(_GONE_S)
            if process.is_alive():
                process.terminate()
        self._pipes, self._processes = [], []
        if self._memory is not None:
            self.arrays = LabArrays.on(None, self.shape, self.labs)
            self._memory.close()
            self._memory.unlink()
            self._memory = None
