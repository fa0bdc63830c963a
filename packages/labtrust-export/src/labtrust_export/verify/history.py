"""Level L4: the run as a whole, and what the caller has seen of it before.

The caller's state is a file of his own: of every run, how many records of its log he has seen and
the root over them. It only grows, and is replaced whole or not at all.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from labtrust_core.canonical import MAX_INT
from labtrust_core.errors import DocumentError, UsageError
from labtrust_core.ledger.durable import write_whole
from labtrust_core.ledger.run_log import RUN_LOG

from labtrust_export.verify.report import FaultError
from labtrust_export.verify.run import RunPass

MAX_STATE: Final = 64 * 1024 * 1024  # bytes

_Digest: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
_Size: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=MAX_INT)]


class HistoryError(DocumentError):
    """A file is no state of a verifier's caller."""


class Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was seen of one run's log: number of records, and the root over them."""

    size: _Size
    root: _Digest


class _Stated(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: Literal["0.1"]
    runs: dict[str, Seen]


@dataclass(slots=True)
class History:
    """What a caller has seen: origin of a run to size and root."""

    runs: dict[str, Seen] = field(default_factory=dict)

    def sizes(self) -> dict[str, int]:
        """Return how many records of which run's log were seen."""
        return {origin: seen.size for origin, seen in self.runs.items()}

    def encoded(self) -> bytes:
        """Return the file's bytes."""
        value = msgspec.to_builtins(_Stated("0.1", self.runs))
        return json.dumps(value, indent=2, sort_keys=True).encode() + b"\n"


def read_history(path: Path) -> History:
    """Read a caller's state; one that is not there yet has seen nothing.

    Raises:
        UsageError: The file cannot be read.
        HistoryError: It is no such file.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_STATE + 1)
    except FileNotFoundError:
        return History()
    except OSError as error:
        raise UsageError(f"cannot read the state {path}: {error.strerror}") from error
    try:
        if len(data) > MAX_STATE:
            raise HistoryError("a state is too long", file=path)
        return History(msgspec.json.decode(data, type=_Stated).runs)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise HistoryError(f"not the state of a verifier: {error}", file=path) from error


def write_history(path: Path, history: History) -> None:
    """Replace a caller's state, whole or not at all, and force it to the disk.

    Raises:
        UsageError: It cannot be written.
    """
    try:
        write_whole(path, history.encoded())
    except OSError as error:
        raise UsageError(f"cannot write the state {path}: {error.strerror}") from error


def check_history(run: RunPass | None, seen: Seen | None) -> None:
    """Check that a run is over, and that nothing that was seen of it is gone.

    Args:
        run: The run's log that was read; None where the bundle has none.
        seen: What the caller has seen of that run; None for nothing.

    Raises:
        FaultError: One of the ``HISTORY_`` codes.
    """
    if run is None:
        raise FaultError("HISTORY_NO_RUN_LOG", f"the bundle holds no {RUN_LOG}")
    order, records = run.checker.order, run.checker.records
    if not order.closed:
        planned = 0 if order.plan is None else order.plan.num_episodes
        begun = ", ".join(map(str, sorted(order.open)[:10])) or "none"
        message = f"not closed: {order.ended} of {planned} episodes ended, begun and open: {begun}"
        raise FaultError("HISTORY_OPEN", message, file=RUN_LOG)
    if seen is None:
        return
    if seen.size > records:
        message = f"the run's log has {records} records, seen were {seen.size}"
        raise FaultError("HISTORY_ROLLBACK", message, file=RUN_LOG)
    found = b"" if run.old_root is None else run.old_root
    if found.hex() != seen.root:
        message = f"over {seen.size} records the root is {found.hex()}, seen was {seen.root}"
        raise FaultError("HISTORY_FORK", message, file=RUN_LOG)


def note_run(history: History, run: RunPass) -> History:
    """Return a history that has seen this run's log too."""
    root = run.checker.tree.root().hex()
    return History({**history.runs, run.checker.origin: Seen(run.checker.records, root)})
