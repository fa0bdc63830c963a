"""Make an evidence bundle of every task, with keys and a trust policy, as a producer would.

    python tools/make_bundles.py FOLDER

leaves ``keys/``, ``runs/TASK/`` and ``evidence/TASK/episode_0/EvidenceBundle.v0.1/`` in the folder.
The trust policy names the policy in force; of the agents' keys those that tasks register.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from labtrust_bench.tasks.registry import list_tasks
from labtrust_cli.exit_codes import ExitCode
from labtrust_cli.main import run
from labtrust_export.keygen import Trusted, extend_trust, stated_by, trusted_policy

SEED: Final = "7"


def main(arguments: list[str]) -> int:
    """Make them; 0 when all is well."""
    parser = argparse.ArgumentParser(description="Make an evidence bundle of every task.")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args(arguments).folder
    begun = time.monotonic()
    keys = folder / "keys"
    if not _runs("keygen", "--out", keys):
        return 1
    for task in list_tasks():
        if not _made(task, folder, keys):
            print(f"{task}: no bundle", file=sys.stderr)
            return 1
    extend_trust(keys, _with_agents(folder / "evidence"))
    print(f"{len(list_tasks())} bundles in {time.monotonic() - begun:.0f} s")
    return 0


def _made(task: str, folder: Path, keys: Path) -> bool:
    """Play one small episode of a task, and export it."""
    place = folder / "runs" / task
    played = ("--task", task, "--smoke", "--seed", SEED, "--out-dir", place)
    exported = ("--run", place, "--out", folder / "evidence" / task)
    return _runs("run-benchmark", *played, "--log-key", keys / "labtrust-log.key") and _runs(
        "export-receipts", *exported, "--bundle-key", keys / "labtrust-bundle.key"
    )


def _runs(*arguments: object) -> bool:
    """Run a command as the command line does; whether it says that all is well."""
    return run([str(one) for one in arguments]) == ExitCode.DONE


def _with_agents(evidence: Path) -> Iterator[Trusted]:
    """Yield what the bundles state whose agents have keys of their own."""
    known = trusted_policy()
    for bundle in sorted(evidence.glob("*/episode_0")):
        stated = stated_by(bundle)
        if stated.fingerprint == known.fingerprint and stated.keys_digest != known.keys_digest:
            yield stated


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
