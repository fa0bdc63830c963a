"""The log of a run that holds a test episode among others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from labtrust_core.canonical import sha256_hex
from labtrust_core.ledger.merkle import leaf_hash

from labtrust_export.testing.episodes import Episode
from labtrust_export.testing.sealing import Record, linked, parsed

EPISODES: Final = 3
PLACE: Final = 1  # which of them is the test's episode
VERSION: Final = 1


def record(kind: str, body: Record) -> Record:
    """Return a record without its place."""
    return {"body": body, "kind": kind, "v": VERSION}


def run_records(episode: Episode) -> list[Record]:
    """Return the records of a closed run of three episodes, the second of which is ``episode``."""
    start = parsed(episode.lines[:1])[0]["body"]
    base_seed = start["config"]["seed"] - PLACE
    plan = {
        "base_seed": base_seed,
        "num_episodes": EPISODES,
        "run": {"task": start["config"]["episode"]},
        "versions": {"labtrust-core": start["engine"]},
        "agents": {"ops_0": "scripted"},
        "policy_fingerprint": start["policy_fingerprint"],
    }
    records = [record("plan", plan)]
    for number in range(EPISODES):
        records += _episode(number, base_seed + number, episode)
    records.append(record("close", {"episodes": EPISODES}))
    return records


def _episode(number: int, seed: int, episode: Episode) -> Sequence[Record]:
    own = number == PLACE
    name = parsed(episode.lines[:1])[0]["body"]["config"]["episode"] if own else f"other-{number}"
    head = leaf_hash(episode.lines[-1]).hex() if own else sha256_hex(f"head {number}".encode())
    end = {
        "number": number,
        "records": len(episode.lines) if own else 7,
        "head": head,
        "result": sha256_hex(f"result {number}".encode()),
    }
    return (
        record("begin", {"number": number, "seed": seed, "episode": name}),
        record("end", end),
    )


def with_run(episode: Episode, name: str | None = None) -> Episode:
    """Return an episode as one of a run."""
    return replace(episode, name=name or episode.name, run=linked(run_records(episode)))
