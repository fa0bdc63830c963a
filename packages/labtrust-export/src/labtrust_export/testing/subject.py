"""LabTrust's own verifier as the conformance kit wants a verifier to be called.

    python -m labtrust_export.testing.subject BUNDLE TRUST_POLICY --max-level L [--state FILE]

prints one line of JSON with ``level`` and ``code``. An example for whoever writes another.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from labtrust_core.errors import LabTrustError

from labtrust_export.testing.battery import Verdict
from labtrust_export.testing.forgery import LEVELS, Forgery
from labtrust_export.testing.signers import trust_bytes
from labtrust_export.trust_policy import TrustPolicy, parse_trust_policy, read_trust_policy
from labtrust_export.verify.codes import Level
from labtrust_export.verify.history import History, Seen, read_history
from labtrust_export.verify.verifier import verify_bundle


def verdict(bundle: Path, trust: TrustPolicy, level: str, history: History) -> Verdict:
    """Return what LabTrust's verifier says of a bundle."""
    report = verify_bundle(bundle, trust, upto=Level(level), history=history)
    reached = None if report.reached is None else str(report.reached)
    return Verdict(reached, None if report.failure is None else report.failure.code)


def own_verifier(bundle: Path, forgery: Forgery) -> Verdict:
    """Show a forgery of the battery to LabTrust's verifier."""
    seen = {} if forgery.made.state is None else forgery.made.state["runs"]
    history = History({origin: Seen(**item) for origin, item in seen.items()})
    trust = parse_trust_policy(trust_bytes(forgery.trust))
    return verdict(bundle, trust, forgery.kind.level, history)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m labtrust_export.testing.subject")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("trust_policy", type=Path)
    parser.add_argument("--max-level", choices=LEVELS, default="L2")
    parser.add_argument("--state", type=Path)
    asked = parser.parse_args(arguments)
    try:
        history = History() if asked.state is None else read_history(asked.state)
        found = verdict(
            asked.bundle, read_trust_policy(asked.trust_policy), asked.max_level, history
        )
    except LabTrustError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the command's own words
        return 2
    print(json.dumps(found._asdict()))  # noqa: T201 - the command's answer
    return 0 if found.code is None else 1


if __name__ == "__main__":
    sys.exit(main())
