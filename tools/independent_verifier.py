"""A second verifier of evidence bundles, written from the pages alone.

`docs/reference/evidence.md` and `docs/reference/ledger.md` say what is checked, in which order and
under which codes. This needs Python and `cryptography`, nothing of LabTrust, and goes up to level
L2, with the history after it where a state file is given. Replay (L3) needs the engine. Its parts
are in `tools/second_verifier/`: formats, shapes, logs, receipts, bundle (L0), keys (L1), state,
gates and rules (L2); history is here.

    python tools/independent_verifier.py BUNDLE TRUST_POLICY [--max-level L2] [--state FILE]

prints the verdict as one line of JSON. Exit code 0: all that was asked for holds; 1: it does not;
2: the question is bad, such as an unreadable trust policy.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Final, NamedTuple

from second_verifier import formats as form
from second_verifier import shapes
from second_verifier.bundle import Evidence, check_bytes
from second_verifier.formats import Json, Tree, fits, number, table
from second_verifier.keys import check_keys, read_trust
from second_verifier.logs import Failed, require
from second_verifier.rules import check_rules

LEVELS: Final = ("L0", "L1", "L2")


class Verdict(NamedTuple):
    """The level reached, and the code and message of the check that failed, or None and words."""

    level: str | None
    code: str | None
    message: str


def check_history(evidence: Evidence, runs: dict[str, Json]) -> dict[str, Json]:
    """Check the run against what the caller has seen; return what he has seen now."""
    run = evidence.run
    if run is None:
        raise Failed("HISTORY_NO_RUN_LOG", "the bundle holds no log of its run")
    closed = run.records[-1]["kind"] == "close"
    require(closed, "HISTORY_OPEN", "the run is not closed")
    origin, leaves = f"labtrust/run/{run.origin}", run.tree.levels[0]
    seen = table(runs.get(origin))
    size = number(seen.get("size"))
    require(len(leaves) >= size, "HISTORY_ROLLBACK", f"{size} records of this run were seen")
    same = not size or Tree(leaves[:size]).root.hex() == seen["root"]
    require(same, "HISTORY_FORK", "another run of this origin was seen")
    return {**runs, origin: {"size": len(leaves), "root": run.tree.root.hex()}}


def verify(
    folder: Path, trust: Json, level: str = "L2", state: dict[str, Json] | None = None
) -> Verdict:
    """Verify a bundle up to a level, and then its history where a state is given.

    Args:
        folder: The bundle.
        trust: The caller's trust policy, as JSON.
        level: How far to go: L0, L1 or L2.
        state: What the caller has seen, as JSON; changed where the history holds.

    Raises:
        ValueError: The trust policy or the state is none.
    """
    keys = read_trust(trust)
    if state is not None and not fits(state, shapes.STATE):
        raise ValueError("the state does not have the shape of one")
    reached: str | None = None
    try:
        evidence = check_bytes(folder)
        reached = "L0"
        if level != "L0":
            check_keys(evidence, keys)
            reached = "L1"
        if level == "L2":
            check_rules(evidence)
            reached = "L2"
        if state is not None:
            state["runs"] = check_history(evidence, table(state["runs"]))
    except Failed as failure:
        return Verdict(reached, failure.code, failure.message)
    return Verdict(reached, None, "and its history" if state is not None else "")


def read_json(path: Path) -> Json:
    """Return what is in a JSON file of the caller."""
    value: Json = json.loads(path.read_bytes(), object_pairs_hook=_once)
    return value


def _once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a name stands in an object twice")
    return dict(pairs)


def main(arguments: list[str]) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Verify an evidence bundle without LabTrust.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("trust_policy", type=Path)
    parser.add_argument("--max-level", choices=LEVELS, default="L2")
    parser.add_argument("--state", type=Path, help="what was seen of runs; checks the history")
    asked = parser.parse_args(arguments)
    try:
        state: dict[str, Json] | None = None
        if asked.state is not None:
            new: Json = {"version": "0.1", "runs": {}}
            state = table(read_json(asked.state) if asked.state.exists() else new)
        verdict = verify(asked.bundle, read_json(asked.trust_policy), asked.max_level, state)
    except (OSError, ValueError, RecursionError) as error:
        print(f"{asked.trust_policy}: {error}", file=sys.stderr)
        return 2
    print(json.dumps(verdict._asdict(), ensure_ascii=False))
    if verdict.code is None and asked.state is not None:
        asked.state.write_text(form.canonical(state) + "\n", encoding="utf-8")
    return 0 if verdict.code is None else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
