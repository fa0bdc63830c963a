"""The other side of a batch's pipe: a process that plays a chunk of environments when told to."""

from __future__ import annotations

import contextlib
import pickle
import signal
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.shared_memory import SharedMemory
from typing import Any, Final, Literal

from gymnasium.vector import AutoresetMode

from labtrust_env.vector.arrays import BatchArrays, BatchShape
from labtrust_env.vector.chunk import Chunk, EnvFactory


@dataclass(frozen=True, slots=True)
class Job:
    """What a process plays: ``rows`` of a batch, whose arrays lie in the block of that name.

    ``make`` is the pickled factory: where it cannot be had there, that is an error like others.
    """

    make: bytes
    shape: BatchShape
    mode: AutoresetMode
    block: str
    rows: range


@dataclass(frozen=True, slots=True)
class Failure:
    """The answer of a process that ends because of an error."""

    traceback: str


STEP: Final = b"step"
"""The command that is sent most often, as short as can be; its answer is ``DONE``."""

DONE: Final = b""
"""The answer to what has no other."""


def command_bytes(name: Literal["reset", "call", "close"], *args: object) -> bytes:
    """Return the message that asks for a method of ``Chunk``; ``close`` has no answer."""
    return pickle.dumps((name, args))


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
            pipe.send_bytes(pickle.dumps(Failure(traceback.format_exc())))
    finally:
        block.close()
        pipe.close()


def _serve(pipe: Connection, job: Job, block: SharedMemory) -> None:
    arrays = arrays_of(block, job.shape)
    make: EnvFactory = pickle.loads(job.make)  # noqa: S301 - from the process that began this one
    chunk = Chunk([make() for _ in job.rows], arrays, job.rows[0], job.mode)
    answers: dict[str, Callable[..., Any]] = {"reset": chunk.reset, "call": chunk.call}
    pipe.send_bytes(DONE)
    while True:
        command = pipe.recv_bytes()
        if command == STEP:
            chunk.step()
            pipe.send_bytes(DONE)
            continue
        name, args = pickle.loads(command)  # noqa: S301 - likewise
        if name == "close":
            chunk.close()
            return
        answer = answers[name](*args)
        pipe.send_bytes(DONE if answer is None else pickle.dumps(answer))
