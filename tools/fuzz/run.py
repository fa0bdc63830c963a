"""Fuzz the targets with Atheris.

    python -m fuzz.run all --seconds 30
    python -m fuzz.run note --seconds 600 --corpus FOLDER
    python -m fuzz.run note --input crash-0123

``--corpus`` keeps what was found interesting, a folder a target. What made a finding lies in
``fuzz-findings/``; ``--input`` tries such a file again, without Atheris. Exit code 0: no findings.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Final

FINDINGS: Final = Path("fuzz-findings")
MAX_MEGABYTES: Final = 1024  # of a target's process
STUCK_SECONDS: Final = 20  # of one input, by the clock; the limit of the processor is in target.py
MEMORY: Final = "/dev/shm"  # noqa: S108 - where the system has it; a folder of its own is made in it
INSTRUMENTED: Final = ("labtrust_core", "labtrust_export", "second_verifier", "fuzz")

_DONE: Final = re.compile(r"Done (\d+) runs in (\d+) second")
_ALL: Final = "all"
_ALONE: Final = "--alone"


def main(arguments: list[str]) -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m fuzz.run", description="Fuzz the readers.")
    parser.add_argument("target", help="a name, or all")
    parser.add_argument("--seconds", type=int, default=30, help="for each target")
    parser.add_argument("--corpus", type=Path, help="where interesting inputs are kept")
    parser.add_argument("--input", type=Path, help="try one file again")
    parser.add_argument(_ALONE, action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.alone:
        return _fuzz(asked.target, asked.seconds, asked.corpus)
    if asked.input is not None:
        return _try(asked.target, asked.input.read_bytes())
    names = _names()
    if asked.target not in (*names, _ALL):
        parser.error(f"no target {asked.target}; known: {', '.join(names)}, {_ALL}")
    wanted = names if asked.target == _ALL else [asked.target]
    failed = [name for name in wanted if not _run(name, asked.seconds, asked.corpus)]
    print(f"{len(wanted)} targets, findings in {', '.join(failed) or 'none'}")
    return 1 if failed else 0


def _names() -> list[str]:
    from fuzz.targets import TARGETS  # noqa: PLC0415 - to be instrumented where it is fuzzed

    return list(TARGETS)


def _run(name: str, seconds: int, corpus: Path | None) -> bool:
    """Fuzz one target in a process of its own; return whether there was no finding."""
    memory = MEMORY if Path(MEMORY).is_dir() else None
    with tempfile.TemporaryDirectory(prefix="labtrust-fuzz-", dir=memory) as place:
        command = [sys.executable, "-m", "fuzz.run", name, "--seconds", str(seconds)]
        done = subprocess.run(
            [*command, "--corpus", str(corpus or place), _ALONE],
            env={**os.environ, "TMPDIR": place},  # a fuzzer ends at once, and leaves its files
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    counted = _DONE.search(done.stdout)
    if done.returncode == 0 and counted is not None:
        print(f"{name}: {counted[1]} inputs in {counted[2]} s, no finding", flush=True)
        return True
    print(f"{name}: FINDING\n{done.stdout[-6000:]}", flush=True)
    return False


def _fuzz(name: str, seconds: int, corpus: Path) -> int:
    """Fuzz one target in this process, which ends with it."""
    try:
        import atheris  # noqa: PLC0415 - only who fuzzes needs it
    except ImportError:
        print("fuzzing needs Atheris: hatch run fuzz:run, or pip install atheris==3.0.0")
        return 2
    with atheris.instrument_imports(include=list(INSTRUMENTED)):
        from fuzz.target import MAX_INPUT  # noqa: PLC0415 - instrumented
        from fuzz.targets import TARGETS  # noqa: PLC0415 - instrumented
    target = TARGETS[name]
    place = corpus / name
    place.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds():
        (place / sha256(seed).hexdigest()[:40]).write_bytes(seed)
    FINDINGS.mkdir(exist_ok=True)
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={MAX_INPUT}",
        f"-timeout={STUCK_SECONDS}",
        f"-rss_limit_mb={MAX_MEGABYTES}",
        f"-artifact_prefix={FINDINGS}/{name}-",
    ]
    atheris.Setup(["fuzz", *options, str(place)], target.attempt)
    atheris.Fuzz()
    return 0


def _try(name: str, data: bytes) -> int:
    """Try one input; a finding shows as the error that it is."""
    from fuzz.targets import TARGETS  # noqa: PLC0415 - as in _names

    TARGETS[name].attempt(data)
    print(f"{name}: {len(data)} bytes, no finding")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
