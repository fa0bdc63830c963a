"""The manifest of a run folder: all that fixes the bytes of the run, written before it begins.

It is compared in full when the run is resumed, so that no episode of another policy, version or
agent ever joins the ones that are there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import msgspec
from labtrust_core.canonical import canonical_bytes
from labtrust_core.errors import DocumentError, UsageError

from labtrust_bench.runs.benchmark import Benchmark
from labtrust_bench.runs.plan import RunConfig

MANIFEST: Final = "manifest.json"
FORMAT: Final = "labtrust-run/1"
SHOWN: Final = 5  # differences that a message lists


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a run folder is.

    Attributes:
        format: "labtrust-run/1".
        logs: Whether every episode's log is kept.
        run: The fields of the run's ``RunConfig``, without the policy folder.
        header: The fields of its results that are known beforehand: fingerprint of the policy,
            versions, agents, settings.
    """

    format: str
    logs: bool
    run: dict[str, Any]
    header: dict[str, Any]

    @property
    def config(self) -> RunConfig:
        """The run's configuration, under the policy that is in force now.

        Raises:
            DocumentError: It is none.
        """
        try:
            return msgspec.convert(self.run, RunConfig)
        except (msgspec.ValidationError, UsageError) as error:
            raise DocumentError(f"no configuration of a run: {error}", file=MANIFEST) from error


def manifest_of(benchmark: Benchmark, *, logs: bool) -> Manifest:
    """Return the manifest of a run that is prepared."""
    header: dict[str, Any] = msgspec.to_builtins(benchmark.header())
    del header["episodes"], header["schema_version"]  # the first is to come, the second in run
    return Manifest(format=FORMAT, logs=logs, run=config_fields(benchmark.config), header=header)


def config_fields(config: RunConfig) -> dict[str, Any]:
    """Return the fields of a configuration as JSON values, without the policy folder."""
    return {
        item.name: msgspec.to_builtins(getattr(config, item.name))
        for item in fields(RunConfig)
        if item.name != "policy_dir"
    }


def manifest_bytes(manifest: Manifest) -> bytes:
    """Return what the file holds: canonical JSON and a line feed."""
    return canonical_bytes(msgspec.to_builtins(manifest)) + b"\n"


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a run folder.

    Raises:
        UsageError: The folder has none.
        DocumentError: It is none.
    """
    path = folder / MANIFEST
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{folder} is no run folder: {path.name}: {error.strerror}") from error
    try:
        found = msgspec.json.decode(data, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DocumentError(f"no manifest of a run: {error}", file=path) from error
    if found.format != FORMAT:
        raise DocumentError(
            "no manifest that I know", file=path, found=found.format, expected=FORMAT
        )
    return found


def require_same(folder: Path, there: Manifest, now: Manifest) -> None:
    """Refuse to go on with a run under other circumstances.

    Arguments come first: where they differ, so does much that follows from them.

    Raises:
        UsageError: Something differs; names it, with both values.
    """
    found = list(differences(there.run, now.run)) or list(differences(there.header, now.header))
    if found:
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise UsageError(
            f"cannot resume {folder}, which would not be one run: {'; '.join(found[:SHOWN])}{more}"
        )


def differences(there: object, now: object, place: str = "") -> Iterator[str]:
    """Yield each place in which two values differ, with both."""
    if isinstance(there, Mapping) and isinstance(now, Mapping):
        for key in sorted(there.keys() | now.keys()):
            inner = f"{place}.{key}" if place else str(key)
            yield from differences(there.get(key, _NOTHING), now.get(key, _NOTHING), inner)
    elif there != now:
        yield f"{place} is {_shown(there)} there and {_shown(now)} now"


class _Nothing:
    """Stands where only the other side has something."""

    def __repr__(self) -> str:
        return "missing"


_NOTHING: Final = _Nothing()
_MAX_SHOWN: Final = 80


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
