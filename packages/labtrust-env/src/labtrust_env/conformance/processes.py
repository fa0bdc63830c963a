"""Checks that an episode is the same wherever it runs: directory, process, hash seed, threads.

Those with another process need a factory that can be pickled: a function of a module, or a
``functools.partial`` of one.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from labtrust_env.conformance.elsewhere import CANNOT_IMPORT, digest_of
from labtrust_env.conformance.errors import ConformanceError, NotApplicableError, require
from labtrust_env.conformance.playing import SEED, SHORT, Factory, play, require_same

_HASH_SEEDS: Final = ("0", "1", "77")
_THREADS: Final = ("1", "2")
_PATIENCE_S: Final = 300


def working_directory(factory: Factory) -> None:
    """An episode does not depend on the working directory, at construction or later."""
    here = play(factory(), SEED, SHORT)
    made_here = factory()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        moved = play(made_here, SEED, SHORT)
        made_there = play(factory(), SEED, SHORT)
    require_same(here, moved, "an environment plays differently when the directory changes")
    require_same(here, made_there, "an environment made in another directory plays differently")


def hash_seed(factory: Factory) -> None:
    """An episode is the same in other processes, with other hash seeds and directories."""
    _require_same_elsewhere(factory, "PYTHONHASHSEED", _HASH_SEEDS)


def thread_count(factory: Factory) -> None:
    """An episode is the same in other processes, with one thread and with two."""
    _require_same_elsewhere(factory, "OMP_NUM_THREADS", _THREADS)


def _require_same_elsewhere(factory: Factory, name: str, values: Sequence[str]) -> None:
    settings = [{"PYTHONHASHSEED": "0", name: value} for value in values]
    found = _ask(factory, "digest", settings)
    here = digest_of(factory)
    for value, answer in zip(values, found, strict=True):
        require(answer == here, f"another process with {name}={value} plays differently")


def reset_reads_no_files(factory: Factory) -> None:
    """``reset`` opens no file once the environment has been played."""
    (opened,) = _ask(factory, "opened", [{"PYTHONHASHSEED": "0"}])
    require(not opened, f"reset opens {len(opened)} files, first {opened[:1]}")


def _ask(factory: Factory, question: str, settings: Sequence[Mapping[str, str]]) -> list[Any]:
    """Return what other processes in empty directories say of the factory's environment.

    Args:
        factory: Goes to each of them.
        question: Of ``elsewhere.QUESTIONS``.
        settings: Variables of the environment of each process; they run at the same time.

    Raises:
        NotApplicableError: The factory cannot go to another process.
        ConformanceError: The environment fails there.
    """
    try:
        sent = pickle.dumps(factory)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise NotApplicableError(f"needs a factory that can be pickled: {error}") from error
    with ThreadPoolExecutor(len(settings)) as threads:
        return list(threads.map(lambda item: _ask_one(sent, question, item), settings))


def _ask_one(sent: bytes, question: str, setting: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON
    path = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-m", "labtrust_env.conformance.elsewhere", question],
            input=sent,
            capture_output=True,
            check=False,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": path, **setting},
            timeout=_PATIENCE_S,
        )
    said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
    if done.returncode == CANNOT_IMPORT:
        raise NotApplicableError(f"needs a factory that another process can import: {said}")
    if done.returncode:
        raise ConformanceError(f"the environment fails in another process: {said}")
    return json.loads(done.stdout)
