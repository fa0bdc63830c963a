"""Forgeries that only a second run of the episode, or what the verifier saw before, gives away."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any, Final

from labtrust_core.canonical import canonical_bytes, sha256_hex

from labtrust_export.testing.forge_rules import Edit, Records, again, retold
from labtrust_export.testing.forgery import Forged, Good, forges, honest_trust
from labtrust_export.testing.runs import record
from labtrust_export.testing.sealing import (
    LOG_FILE,
    POLICY,
    RECEIPTS,
    RUN_LOG,
    checkpoints,
    joined,
    linked,
    manifested,
    policy_of,
    receipts,
    relinked,
    resealed,
    sealed,
    stated,
)

_DENIAL: Final = "RC_SPECIMEN_STATUS"
_OPEN: Final = 2  # leave the run's close and the last episode's end away


@forges(
    "decision-forged",
    "refuses what the engine accepted, for a reason that only the world can tell is false",
    level="L3",
    bases=("amended", "clocked"),
)
def decision_forged(bundle: Good) -> Iterator[Forged]:
    """Yield bundles with another decision, resigned by everybody."""
    for index, item in enumerate(bundle.records):
        data = item.get("outcome", {}).get("data", {})
        if item.get("origin") == "agent" and item["outcome"]["status"] == "ACCEPTED":

            def deny(records: Records, index: int = index) -> None:
                records[index]["outcome"] = {"status": "BLOCKED", "reason": _DENIAL}

            measured = item["event"]["action_type"] == "GENERATE_RESULT"
            if not measured and not any(name.endswith("_results") for name in data):
                yield Forged(f"{index}-denied", retold(bundle, deny), "REPLAY_MISMATCH")
        elif item.get("outcome", {}).get("reason", "").startswith("RC_"):

            def reword(records: Records, index: int = index) -> None:
                records[index]["outcome"]["detail"] = "because"

            yield Forged(f"{index}-reworded", retold(bundle, reword), "REPLAY_MISMATCH")


def _outcome_edits(index: int) -> dict[str, Edit]:
    def data(records: Records) -> None:
        records[index]["outcome"].setdefault("data", {})["note"] = "x"

    def emits(records: Records) -> None:
        records[index]["outcome"].setdefault("emits", []).append("RECEIVE_BATCH")

    def later(records: Records) -> None:
        records[index]["event"].setdefault("args", {})["note"] = "x"

    return {"data": data, "emits": emits, "arguments": later}


@forges(
    "outcome-forged",
    "changes what came of an action, or what the clockwork did, where no rule of the log tells",
    level="L3",
    bases=("clocked", "signed"),
)
def outcome_forged(bundle: Good) -> Iterator[Forged]:
    """Yield bundles with another outcome, resigned by everybody."""
    for index, item in enumerate(bundle.records):
        if item.get("outcome", {}).get("status") != "ACCEPTED":
            continue
        for what, edit in _outcome_edits(index).items():
            own = what == "arguments" and item["origin"] != "clockwork"
            answered = item["origin"] == "enforcement" and what == "arguments"
            if not own and not answered:
                yield Forged(f"{index}-{what}", retold(bundle, edit), "REPLAY_MISMATCH")


@forges(
    "measurement-forged",
    "changes a value that a device measured, with the receipt, and has everybody sign",
    level="L3",
    bases=("clocked", "arriving"),
    holes=("B11",),
)
def measurement_forged(bundle: Good) -> Iterator[Forged]:
    """Yield bundles with another measured value."""
    for index, item in enumerate(bundle.records):
        event = item.get("event", {})
        if item.get("origin") == "clockwork" and event.get("action_type") == "GENERATE_RESULT":

            def change(records: Records, index: int = index) -> None:
                records[index]["event"]["args"]["value"] = "4.2"

            yield Forged(str(index), retold(bundle, change), "REPLAY_MISMATCH")


@forges(
    "clockwork-forged",
    "takes out or puts in what happens by itself: an arrival, a timeout, an end of a run",
    level="L3",
    bases=("clocked", "arriving"),
    holes=("B19",),
)
def clockwork_forged(bundle: Good) -> Iterator[Forged]:
    """Yield bundles in which the clockwork did something else."""
    for index, item in enumerate(bundle.records):
        if item.get("origin") != "clockwork":
            continue
        action = item["event"]["action_type"]
        if action in {"SYS_CRITICAL_TIMEOUT", "SYS_AUTOVERIFY", "SYS_RUN_END"}:

            def drop(records: Records, index: int = index) -> None:
                del records[index]

            if not item["outcome"].get("data", {}).get("released_results"):
                yield Forged(f"{index}-out", retold(bundle, drop), "REPLAY_MISMATCH")
                files = retold(bundle, partial(again, index=index, event_id="sys-99"))
                yield Forged(f"{index}-twice", files, "REPLAY_MISMATCH")


def _beginnings() -> dict[str, Edit]:
    def world(records: Records) -> None:
        records[0]["body"]["world"] = "0" * 64

    def last_world(records: Records) -> None:
        records[-1]["body"]["world"] = "1" * 64

    def seed(records: Records) -> None:
        records[0]["body"]["config"]["seed"] += 1

    def scenario(records: Records) -> None:
        body = records[0]["body"]
        body["scenario"]["workload"] = "clinic_morning"
        body["scenario_digest"] = sha256_hex(canonical_bytes(body["scenario"]))

    def roster(records: Records) -> None:
        records[0]["body"]["roster"]["A_EXTRA"] = "ROLE_RUNNER"

    return {
        "first-world": world,
        "last-world": last_world,
        "seed": seed,
        "scenario": scenario,
        "roster": roster,
    }


@forges(
    "beginning-forged",
    "states another seed, scenario, roster or world than the episode had",
    level="L3",
    bases=("arriving",),
    holes=("B08",),
)
def beginning_forged(bundle: Good) -> Iterator[Forged]:
    """Yield bundles that began or ended otherwise, says everybody."""
    for what, edit in _beginnings().items():
        yield Forged(what, retold(bundle, edit), "REPLAY_MISMATCH")


@forges(
    "replay-prevented",
    "states what cannot be run again: no scenario, an engine or a domain that nobody has",
    level="L3",
    bases=("clocked", "amended"),
)
def replay_prevented(bundle: Good) -> Iterator[Forged]:
    """Yield bundles that cannot be replayed."""

    def no_scenario(records: Records) -> None:
        records[0]["body"]["scenario"] = None

    yield Forged("no-scenario", retold(bundle, no_scenario), "REPLAY_SCENARIO_MISSING")
    for version in ("9.9.9", "0.0.1", ""):

        def engine(records: Records, version: str = version) -> None:
            records[0]["body"]["engine"] = version

        yield Forged(f"engine-{version}", retold(bundle, engine), "REPLAY_UNAVAILABLE")

    def domain(records: Records) -> None:
        records[0]["body"]["domain"] = "no_such_domain"

    yield Forged("domain", retold(bundle, domain), "REPLAY_UNAVAILABLE")


@forges(
    "policy-unfit",
    "has the caller trust a policy that does not compile",
    level="L3",
    bases=("amended",),
    holes=("S09",),
)
def policy_unfit(bundle: Good) -> Iterator[Forged]:
    """Yield bundles under a trusted policy that is none."""
    right = json.loads(bundle.episode.policy)["documents"]
    for what, name, change in (
        ("guard", "workflow", {"actions": _misguided(right["workflow"]["actions"])}),
        ("zones", "zones", {"zones": 7}),
    ):
        documents = right | {name: right[name] | change}
        policy = policy_of(bundle.episode.policy, documents)
        records = bundle.records
        records[0]["body"]["policy_fingerprint"] = sha256_hex(policy)
        lines = relinked(records, bundle.episode.agents)
        files = {LOG_FILE: joined(lines), POLICY: policy + b"\n", RECEIPTS: receipts(lines)}
        trust = honest_trust() | {"policies": [sha256_hex(policy)]}
        yield Forged(what, manifested(checkpoints(files)), "REPLAY_POLICY", trust=trust)


def _misguided(actions: dict[str, Any]) -> dict[str, Any]:
    """Return actions of which one has a guard that there is not."""
    changed = copy.deepcopy(actions)
    changed["START_RUN"]["guards"] = ["no_such_guard"]
    return changed


@forges(
    "run-withheld",
    "shows an episode without its run, so that nobody can ask for the others",
    level="L4",
    bases=("amended", "clocked", "signed"),
)
def run_withheld(bundle: Good) -> Iterator[Forged]:
    """Yield good bundles without a run log."""
    yield Forged("honest-but-alone", bundle.files, "HISTORY_NO_RUN_LOG")


@forges(
    "run-open",
    "shows a run before it is over: an episode was begun and has no end, or the close is missing",
    level="L4",
    bases=("run", "signed_run"),
)
def run_open(bundle: Good) -> Iterator[Forged]:
    """Yield bundles of runs that are not closed."""
    resumed = [*bundle.run[:-1], record("resume", {"done": 3})]
    abandoned = bundle.run
    abandoned[1:3] = [
        copy.deepcopy(abandoned[1]),
        record("resume", {"done": 0}),
        *abandoned[1:3],
    ]
    for what, records in {
        "not-closed": bundle.run[:-1],
        "end-missing": bundle.run[:-_OPEN],
        "begin-only": bundle.run[:5],
        "resumed-at-last": resumed,
        "abandoned-and-open": abandoned[:-1],
    }.items():
        episode = replace(bundle.episode, run=linked(records))
        yield Forged(what, sealed(episode), "HISTORY_OPEN")


def _state(bundle: Good, size: int, root: str) -> dict[str, Any]:
    origin = stated("run", bundle.episode.run).origin
    return {"version": "0.1", "runs": {origin: {"size": size, "root": root}}}


@forges(
    "run-rolled-back",
    "shows less of a run than the verifier has seen",
    level="L4",
    bases=("run",),
)
def run_rolled_back(bundle: Good) -> Iterator[Forged]:
    """Yield good bundles and verifiers who have seen more of their run."""
    count = len(bundle.episode.run)
    for more in (1, 2, 1000):
        state = _state(bundle, count + more, "0" * 64)
        yield Forged(f"{more}-more", bundle.files, "HISTORY_ROLLBACK", state=state)


@forges(
    "run-forked",
    "shows another run than before under the same beginning: a split view",
    level="L4",
    bases=("run",),
    holes=("S02",),
)
def run_forked(bundle: Good) -> Iterator[Forged]:
    """Yield good bundles and verifiers who have seen another run of that origin."""
    other = bundle.run
    other[2]["body"]["result"] = "0" * 64
    lines = linked(other)
    for size in range(1, len(lines) + 1):
        root = stated("run", lines[:size]).root.hex()
        if root != stated("run", bundle.episode.run[:size]).root.hex():
            yield Forged(
                f"at-{size}", bundle.files, "HISTORY_FORK", state=_state(bundle, size, root)
            )
    ours = stated("run", bundle.episode.run)
    files = resealed(checkpoints(bundle.files | {RUN_LOG: joined(lines)}))
    state = _state(bundle, ours.size, ours.root.hex())
    yield Forged("the-other-now", files, "HISTORY_FORK", state=state)
    for digit in "01":
        state = _state(bundle, 1, digit * 64)
        yield Forged(f"constant-{digit}", bundle.files, "HISTORY_FORK", state=state)
