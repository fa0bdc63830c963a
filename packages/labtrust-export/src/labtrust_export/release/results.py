"""Results of a release against its runs: a run log states the digest of every episode's result.

A file of results is *of a run* if it holds one result that the run's log states; then it holds
exactly all of them. Nothing vouches for other files of results but the release's signer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec
from labtrust_core.canonical import NotCanonicalError, canonical_bytes, sha256_hex

from labtrust_export.check_failed import CheckFailedError
from labtrust_export.durable import read_at_most
from labtrust_export.release.kinds import kind_of
from labtrust_export.release.runs import RunOfRelease

MAX_RESULTS: Final = 256 * 1024 * 1024


class _Results(msgspec.Struct, frozen=True):
    """What matters here of a file of results."""

    episodes: list[object]


def check_results(
    folder: Path, paths: Iterable[str], bundles: Sequence[str], runs: Sequence[RunOfRelease]
) -> list[str]:
    """Compare every file of results with the runs.

    Args:
        folder: The release.
        paths: All its files.
        bundles: Folders of its bundles.
        runs: Its runs.

    Returns:
        Files that no run log vouches for.

    Raises:
        CheckFailedError: ``RELEASE_RESULTS_MISMATCH``: a file holds some results of a run, and not
            exactly all of them.
    """
    read = {"results": _of_object, "episodes": _of_lines}
    unknown: list[str] = []
    for path in paths:
        digests = read.get(kind_of(path, bundles), _nothing)(folder / path)
        if digests is None:
            continue
        found = set(digests)
        run = next((run for run in runs if found & run.results), None)
        if run is None:
            unknown.append(path)
        elif found != run.results or len(found) != len(digests):
            message = (
                f"{len(found & run.results)} of its {len(digests)} results are among the "
                f"{len(run.results)} that {run.origin} states"
            )
            raise CheckFailedError("RELEASE_RESULTS_MISMATCH", path, message)
    return unknown


def _of_object(path: Path) -> list[str]:
    """Digest the results in a file of results; what is none of ours holds nothing."""
    data = read_at_most(path, MAX_RESULTS)
    try:
        episodes = msgspec.json.decode(data, type=_Results).episodes
        return [sha256_hex(canonical_bytes(item)) for item in episodes]
    except (msgspec.MsgspecError, NotCanonicalError, UnicodeDecodeError, RecursionError):
        return []


def _of_lines(path: Path) -> list[str]:
    data = read_at_most(path, MAX_RESULTS)
    return [sha256_hex(line) for line in data.removesuffix(b"\n").split(b"\n")]


def _nothing(_path: Path) -> list[str] | None:
    """Of a file that holds no results, nothing is asked."""
    return None
