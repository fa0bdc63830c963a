"""Checks that an episode is the same wherever it runs: directory, process, hash seed, no disk.

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
from pathlib import Path
from typing import Any, Final

from labtrust_env.conformance.elsewhere import CANNOT_IMPORT, digest
from labtrust_env.conformance.errors import ConformanceError, NotApplicableError, require
from labtrust_env.conformance.playing import SEED, SHORT, Factory, play, require_same

_HASH_SEEDS: Final = ("0", "1", "77")
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
    here = digest(play(factory(), SEED, SHORT))
    for number in _HASH_SEEDS:
        found = _ask(factory, number)["digest"]
        require(found == here, f"another process with PYTHONHASHSEED={number} plays differently")


def reset_reads_no_files(factory: Factory) -> None:
    """``reset`` opens no file once the environment has been played."""
    opened = _ask(factory, "0")["opened"]
    require(not opened, f"reset opens {len(opened)} files, first {opened[:1]}")


def _ask(factory: Factory, number: str) -> dict[str, Any]:
    """Return what another process in an empty directory says of the factory's environment.

    Raises:
        NotApplicableError: The factory cannot go to another process.
        ConformanceError: The environment fails there.
    """
    try:
        sent = pickle.dumps(factory)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise NotApplicableError(f"needs a factory that can be pickled: {error}") from error
    path = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "labtrust_env.conformance.elsewhere"],
            input=sent,
            capture_output=True,
            check=False,
            cwd=folder,
            env={**os.environ, "PYTHONHASHSEED": number, "PYTHONPATH": path},
            timeout=_PATIENCE_S,
        )
    said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
    if done.returncode == CANNOT_IMPORT:
        raise NotApplicableError(f"needs a factory that another process can import: {said}")
    if done.returncode:
        raise ConformanceError(f"the environment fails in another process: {said}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
