"""Run any verifier through the conformance kit, as a subprocess.

    python -m labtrust_export.testing.conformance [--kit FOLDER] [--max-level L2] -- COMMAND...

For every case up to that level it runs ``COMMAND BUNDLE TRUST_POLICY --max-level LEVEL``, for
level L4 with ``--state FILE``, and expects one line of JSON on stdout with ``level`` (the highest
level reached, or null) and ``code`` (of the failure, or null). Exit code 0: the verifier agrees
with every case; 1: it does not; 2: there is no such kit or command.
``--write FOLDER`` writes the kit instead; ``--unpack FOLDER`` writes every case as a folder.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from labtrust_core.errors import LabTrustError

from labtrust_export.testing.battery import Verdict
from labtrust_export.testing.forgery import LEVELS
from labtrust_export.testing.kit import Case, Kit, make_kit, read_kit
from labtrust_export.testing.tricks import written

_SECONDS: Final = 60
_TRUST: Final = "trust-policy.json"
_STATE: Final = "state.json"


def laid_out(kit: Kit, case: Case, place: Path) -> list[str]:
    """Write a case to a folder of its own; return the arguments for a verifier."""
    bundle = written(place, kit.content(case), case.trick)
    trust = place / _TRUST
    trust.write_bytes(kit.blobs[case.trust])
    arguments = [str(bundle), str(trust), "--max-level", case.level]
    if case.state is not None:
        state = place / _STATE
        state.write_bytes(kit.blobs[case.state])
        arguments += ["--state", str(state)]
    return arguments


def verdict_of(command: Sequence[str], arguments: Sequence[str]) -> Verdict | str:
    """Run a verifier; return its verdict, or what is wrong with its answer."""
    try:
        done = subprocess.run(  # noqa: S603 - the caller's own command
            [*command, *arguments], capture_output=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {_SECONDS} s"
    try:
        said = json.loads(done.stdout)
        return Verdict(said["level"], said["code"])
    except (ValueError, KeyError, TypeError):
        words = (done.stderr or done.stdout)[-200:].decode(errors="replace").strip()
        return f"no verdict, exit code {done.returncode}: {words}"


def disagreement(case: Case, verdict: Verdict | str) -> str:
    """Return what is wrong with a verdict on a case, or nothing."""
    if verdict == Verdict(case.reached, case.code):
        return ""
    said = verdict if isinstance(verdict, str) else f"{verdict.code} after {verdict.level}"
    return f"{case.name}: {said}; expected {case.code} after {case.reached}"


def run_kit(kit: Kit, command: Sequence[str], max_level: str) -> tuple[int, list[str]]:
    """Run a verifier through a kit.

    Returns:
        How many cases were run, and what it said wrongly, a line each.
    """
    cases = [case for case in kit.cases if LEVELS.index(case.level) <= LEVELS.index(max_level)]
    wrong: list[str] = []
    for case in cases:
        with tempfile.TemporaryDirectory(prefix="labtrust-conformance-") as place:
            verdict = verdict_of(command, laid_out(kit, case, Path(place)))
        words = disagreement(case, verdict)
        if words:
            wrong.append(words)
    return len(cases), wrong


def _unpack(kit: Kit, folder: Path) -> None:
    """Write every case to a folder named after its place in the list."""
    for number, case in enumerate(kit.cases):
        place = folder / f"{number:04}"
        laid_out(kit, case, place)
        (place / "name.txt").write_text(case.name + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m labtrust_export.testing.conformance",
        description="Run a verifier of evidence bundles through the conformance kit.",
    )
    parser.add_argument("--kit", type=Path, help="the kit's folder; made afresh by default")
    parser.add_argument("--max-level", choices=LEVELS, default="L2", help="how far it goes")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="write the kit and stop")
    parser.add_argument("--unpack", type=Path, metavar="FOLDER", help="write all cases and stop")
    parser.add_argument("command", nargs="*", help="after --: the verifier's command")
    asked = parser.parse_args(arguments)
    try:
        kit = make_kit() if asked.kit is None else read_kit(asked.kit)
        if asked.write is not None:
            kit.write(asked.write)
        if asked.unpack is not None:
            _unpack(kit, asked.unpack)
        if asked.write is not None or asked.unpack is not None:
            return 0
        if not asked.command:
            parser.error("say after -- which command verifies")
        count, wrong = run_kit(kit, asked.command, asked.max_level)
    except (LabTrustError, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - the command's own words
        return 2
    for words in wrong:
        print(words)  # noqa: T201 - the command's answer
    print(f"{count - len(wrong)} of {count} cases agree")  # noqa: T201 - the command's answer
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
