"""Compute the bounds and plans that ship with labtrust-bench; needs OR-Tools.

Without arguments every instance, else those that are named. `--seconds S` is what the solver gets
for each bound (300), `--rounds N` how many small changes are tried on each first plan (1000).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from labtrust_bench.bounds.instances import RECIPES, get_instance
from labtrust_bench.bounds.search import ROUNDS
from labtrust_bench.bounds.solve import solve
from labtrust_bench.bounds.store import solved_bytes
from labtrust_core.domains import open_policy

ROOT: Final = Path(__file__).resolve().parent.parent
DATA: Final = ROOT / "packages" / "labtrust-bench" / "src" / "labtrust_bench" / "bounds" / "data"


def main(arguments: list[str]) -> int:
    """Run the tool."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="INSTANCE")
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    asked = parser.parse_args(arguments)
    policy = open_policy()
    for name in asked.names or RECIPES:
        solved = solve(get_instance(name, policy), policy, asked.seconds, asked.rounds, print)
        (DATA / f"{name}.json").write_bytes(solved_bytes(solved))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
