"""The other side of a batch's pipe: a process that plays a chunk of environments when told to."""

from __future__ import annotations

import contextlib
import signal
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.shared_memory import SharedMemory
from typing import Any, Literal

from gymnasium.vector import AutoresetMode

from labtrust_env.vector.arrays import BatchArrays, BatchShape
from labtrust_env.vector.chunk import Chunk, EnvFactory


@dataclass(frozen=True, slots=True)
class Job:
    """What a process plays: ``rows`` of a batch, whose arrays lie in the block of that name."""

    make: EnvFactory
    shape: BatchShape
    mode: AutoresetMode
    block: str
    rows: range


@dataclass(frozen=True, slots=True)
class Command:
    """A method of ``Chunk`` with its arguments, or ``close``, which has no answer."""

    name: Literal["reset", "step", "call", "close"]
    args: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command returned, or the traceback of its error."""

    value: Any = None
    traceback: str = ""


def arrays_of(block: SharedMemory, shape: BatchShape) -> BatchArrays:
    """Return the arrays that lie in a block.

    Raises:
        ValueError: The block is closed.
    """
    if block.buf is None:
        raise ValueError(f"the block {block.name} is closed")
    return shape.arrays_in(block.buf)


def work(pipe: Connection, job: Job) -> None:
    """Make the environments, answer once, then answer each command until told to close.

    It also ends when the other side is gone. After an error it answers with the traceback and ends.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that began this one ends it
    block = SharedMemory(job.block)
    try:
        with contextlib.suppress(EOFError, BrokenPipeError):  # nobody is there any more
            _serve(pipe, job, block)
    except Exception:  # noqa: BLE001 - whatever it is, the other side shows it
        with contextlib.suppress(OSError):
            pipe.send(Answer(traceback=traceback.format_exc()))
    finally:
        block.close()
        pipe.close()


def _serve(pipe: Connection, job: Job, block: SharedMemory) -> None:
    arrays = arrays_of(block, job.shape)
    chunk = Chunk([job.make() for _ in job.rows], arrays, job.rows[0], job.mode)
    answers: dict[str, Callable[..., Any]] = {
        "reset": chunk.reset,
        "step": chunk.step,
        "call": chunk.call,
    }
    pipe.send(Answer())
    while True:
        command: Command = pipe.recv()
        if command.name == "close":
            chunk.close()
            return
        pipe.send(Answer(answers[command.name](*command.args)))
