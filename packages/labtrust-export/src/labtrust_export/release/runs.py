"""The runs of a release: their logs agree, and no episode that ended in one is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
from labtrust_core.ledger.run_log import (
    RUN_LOG,
    EndRecord,
    PlanRecord,
    RunLogChecker,
    RunLogFaultError,
)

from labtrust_export.check_failed import CheckFailedError
from labtrust_export.release.statement import BundleFacts


@dataclass(frozen=True, slots=True)
class RunOfRelease:
    """One run.

    Attributes:
        origin: Name of its log.
        plan: Body of the log's first record, as JSON.
        ended: Numbers of the episodes that have ended.
        closed: Whether the run is over.
        results: Digest of the result of each of them.
    """

    origin: str
    plan: dict[str, Any]
    ended: frozenset[int]
    closed: bool
    results: frozenset[str]


def runs_of(
    folder: Path, bundles: Sequence[BundleFacts], digests: Mapping[str, str]
) -> list[RunOfRelease]:
    """Return the runs that bundles belong to, by origin.

    Args:
        folder: The release.
        bundles: Its bundles, each of which verifies at least at L0.
        digests: Digest of every file by path.

    Raises:
        CheckFailedError: ``RELEASE_EPISODE_DUPLICATE``, ``RELEASE_RUN_DIFFERS`` or
            ``RELEASE_EPISODE_MISSING``, in this order.
    """
    _require_distinct(bundles)
    members: dict[str, list[BundleFacts]] = {}
    for bundle in bundles:
        if bundle.run is not None:
            members.setdefault(bundle.run.origin, []).append(bundle)
    for origin in sorted(members):
        _require_same_log(members[origin], digests)
    return [_complete_run(folder, members[origin]) for origin in sorted(members)]


def _require_distinct(bundles: Sequence[BundleFacts]) -> None:
    """Refuse two bundles of one ledger: a figure could count it twice."""
    heads: dict[str, str] = {}
    for bundle in bundles:
        other = heads.setdefault(bundle.head, bundle.path)
        if other != bundle.path:
            message = f"it has the same ledger as {other}"
            raise CheckFailedError("RELEASE_EPISODE_DUPLICATE", bundle.path, message)


def _require_same_log(bundles: Sequence[BundleFacts], digests: Mapping[str, str]) -> None:
    first = bundles[0].path
    for bundle in bundles[1:]:
        if digests[f"{bundle.path}/{RUN_LOG}"] != digests[f"{first}/{RUN_LOG}"]:
            message = f"another log of the run than in {first}; export the run's bundles again"
            raise CheckFailedError("RELEASE_RUN_DIFFERS", bundle.path, message)


def _complete_run(folder: Path, bundles: Sequence[BundleFacts]) -> RunOfRelease:
    run = _read_run(folder / bundles[0].path / RUN_LOG, bundles[0].path)
    there = {bundle.run.number for bundle in bundles if bundle.run is not None}
    missing = sorted(run.ended - there)
    if missing:
        message = (
            f"{len(missing)} of {len(run.ended)} episodes that ended have no bundle here, "
            f"the first is number {missing[0]}"
        )
        raise CheckFailedError("RELEASE_EPISODE_MISSING", run.origin, message)
    return run


def _read_run(path: Path, bundle: str) -> RunOfRelease:
    checker = RunLogChecker()
    plan: dict[str, Any] = {}
    ended: set[int] = set()
    results: set[str] = set()
    try:
        for line in BytesIO(path.read_bytes()):
            record = checker.feed(line)
            if isinstance(record, PlanRecord):
                plan = msgspec.to_builtins(record.body)
            elif isinstance(record, EndRecord):
                ended.add(record.body.number)
                results.add(record.body.result)
        checker.finish()
    except RunLogFaultError as error:  # it verified a moment ago, so the disk has changed
        raise CheckFailedError("RELEASE_BUNDLE", bundle, str(error)) from error
    return RunOfRelease(
        checker.origin, plan, frozenset(ended), checker.order.closed, frozenset(results)
    )
