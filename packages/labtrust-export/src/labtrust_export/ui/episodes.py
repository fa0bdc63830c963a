"""Which episodes a folder holds: each log once, with its results, its number and a key."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from labtrust_core.errors import DocumentError
from labtrust_core.ledger.verify import (
    LogChecker,
    LogFaultError,
    feed_whole_line,
    open_log,
    read_lines,
)

from labtrust_export.receipts import ReceiptCollector
from labtrust_export.statement import RECEIPTS_DOMAIN
from labtrust_export.ui.discover import Found, FoundLog
from labtrust_export.ui.model import Episode

LOG_NAME: Final = "episode_log.jsonl"
RECEIPTS_NAME: Final = "receipts.jsonl"
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True, slots=True)
class Shown:
    """An episode of the index, and where its log is."""

    entry: Episode
    log: FoundLog | None


def episodes_of(found: Found) -> list[Shown]:
    """Return the episodes in the order of tasks and numbers.

    A log that is there twice, in a run and in its bundle, counts once. Episodes of results files
    without a log are listed without one.

    Raises:
        DocumentError: A log does not verify.
    """
    logs: dict[str, FoundLog] = {}
    for log in sorted(found.logs, key=lambda item: (item.in_bundle, item.path)):
        logs.setdefault(head_of(found.folder / log.path), log)
    rows: list[tuple[str, int, str | None, str, FoundLog | None]] = []
    for path, results in found.results:
        for number, episode in enumerate(results.episodes):
            head = None if episode.ledger is None else episode.ledger.head
            log_of = None if head is None else logs.pop(head, None)
            rows.append((results.task, number, path, results.policy_fingerprint, log_of))
    counts = Counter(row[0] for row in rows)
    for log in logs.values():
        task = _task_of(log)
        rows.append((task, counts[task], None, log.start.policy_fingerprint, log))
        counts[task] += 1
    return _keyed(rows)


def _keyed(rows: list[tuple[str, int, str | None, str, FoundLog | None]]) -> list[Shown]:
    taken: Counter[str] = Counter()
    shown: list[Shown] = []
    for task, number, path, fingerprint, log in sorted(
        rows, key=lambda row: (row[:2], row[2] or "")
    ):
        key = f"{_UNSAFE.sub('-', task)}-{number}"
        taken[key] += 1
        if taken[key] > 1:
            key = f"{key}.{taken[key]}"
        has_receipts = log is not None and log.start.domain == RECEIPTS_DOMAIN
        entry = Episode(
            task=task,
            episode_index=number,
            results_ref=None if path is None else f"results/{path}",
            log_ref=None if log is None else f"episodes/{key}/{LOG_NAME}",
            receipts_ref=f"episodes/{key}/{RECEIPTS_NAME}" if has_receipts else None,
            episode_key=key,
            policy_fingerprint=fingerprint,
        )
        shown.append(Shown(entry, log))
    return shown


def _task_of(log: FoundLog) -> str:
    """Return the task that a run names its episodes after: ``<task>-<seed>``."""
    config = log.start.config
    return config.episode.removesuffix(f"-{config.seed}") or "episode"


def head_of(path: Path) -> str:
    """Return the leaf hash of a log's last record, having verified it; keeps one line in memory.

    Raises:
        DocumentError: It does not verify.
    """
    return _verified(path, None)


def receipts_of_log(path: Path) -> ReceiptCollector:
    """Return what a log's receipts are made of.

    Raises:
        DocumentError: It does not verify.
    """
    collector = ReceiptCollector()
    _verified(path, collector)
    return collector


def _verified(path: Path, collector: ReceiptCollector | None) -> str:
    checker = LogChecker()
    try:
        with open_log(path) as file:
            for line in read_lines(file):
                record = feed_whole_line(checker, line)
                if collector is not None and record is not None:
                    collector.add(record, bytes.fromhex(checker.head))
        checker.finish()
    except LogFaultError as fault:
        raise DocumentError(f"the log does not verify: {fault}", file=path) from fault
    return checker.head
