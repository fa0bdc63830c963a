"""Level L0: a bundle's files, each read once while it is hashed, and what they say of each other.

Digests come before contents in the order of the checks, yet both are taken in one reading: what is
wrong with a content is kept until all digests are known to be right.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path

import msgspec
from labtrust_core.ledger.run_log import RUN_CHECKPOINT, RUN_LOG
from labtrust_core.policy.snapshot import document_digests
from labtrust_core.trust.notes import MAX_NOTE, Note

from labtrust_export.receipts import MAX_RECEIPT, Receipt
from labtrust_export.statement import (
    CHECKPOINT,
    EPISODE_LOG,
    MANIFEST,
    POLICY,
    RECEIPTS,
    Predicate,
)
from labtrust_export.verify.checkpoints import checked_note
from labtrust_export.verify.codes import Level
from labtrust_export.verify.episode import EpisodePass
from labtrust_export.verify.files import Folder, HashedFile, Progress, opened
from labtrust_export.verify.manifest import read_manifest
from labtrust_export.verify.policy import MAX_POLICY, StatedPolicy, read_policy
from labtrust_export.verify.report import FaultError
from labtrust_export.verify.run import RunPass


class Contents:
    """Everything of a bundle, as it was read.

    Attributes:
        path: The folder.
        manifest: Envelope and statement.
        digests: File name to the digest that the statement gives.
        policy: The policy.
        episode: The ledger.
        run: The run's log; None without one.
        notes: Checkpoint files to their notes.
    """

    def __init__(
        self, path: Path, upto: Level, seen: Mapping[str, int], progress: Progress
    ) -> None:
        """Read a bundle and check level L0.

        Args:
            path: The folder.
            upto: Highest level for which the reading shall serve.
            seen: How many records of which run's log the caller has seen.
            progress: Told how far the reading is.

        Raises:
            FaultError: A check of level L0 fails.
        """
        folder = Folder(path)
        self.path = path
        self.manifest = read_manifest(folder)
        self.digests = self.manifest.statement.digests()
        self.notes: dict[str, Note] = {}
        self._progress = progress
        self._found: dict[str, str] = {}
        self._small = {
            name: self._read_small(name, limit)
            for name, limit in ((CHECKPOINT, MAX_NOTE), (RUN_CHECKPOINT, MAX_NOTE))
            if name in self.digests
        }
        policy = self._read_policy()
        self.episode = EpisodePass(
            policy if isinstance(policy, StatedPolicy) else None,
            upto,
            with_receipts=RECEIPTS in self.digests,
        )
        with opened(path, EPISODE_LOG, progress) as file:
            self.episode.read(file)
            self._found[EPISODE_LOG] = file.digest()
        receipts = self._read_receipts() if RECEIPTS in self.digests else None
        self.run = self._read_run(seen) if RUN_LOG in self.digests else None
        self._check_digests()
        if Level.L0 in self.episode.faults:
            raise self.episode.faults[Level.L0]
        self.policy = self._checked_policy(policy)
        self._check_rest(receipts)

    def check_again(self, file: HashedFile) -> None:
        """Check that a file that was read a second time is still the same.

        Raises:
            FaultError: ``BUNDLE_FILE_DIGEST``.
        """
        self._found[file.name] = file.digest()
        self._check_digests()

    def _read_small(self, name: str, limit: int) -> bytes | None:
        with opened(self.path, name, self._progress) as file:
            content = file.content(limit)
            self._found[name] = file.digest()
        return content

    def _read_policy(self) -> StatedPolicy | FaultError:
        try:
            return read_policy(self._read_small(POLICY, MAX_POLICY))
        except FaultError as fault:
            if fault.file != POLICY or not fault.code.startswith("POLICY"):
                raise
            return fault

    def _read_receipts(self) -> FaultError | None:
        """Read the receipts beside those that the ledger yields; return what is wrong, if so."""
        collector = self.episode.receipts
        expected = () if collector is None else collector.receipts()
        fault: FaultError | None = None
        with opened(self.path, RECEIPTS, self._progress) as file:
            if file.size == 0:
                fault = FaultError("RECEIPT_NONE", "the file is empty", file=RECEIPTS)
            elif Level.L0 not in self.episode.faults:
                pairs = zip_longest(file.lines(MAX_RECEIPT), expected)
                for number, (line, receipt) in enumerate(pairs):
                    if line is None or receipt is None or line != receipt.line() + b"\n":
                        of = "none" if receipt is None else _named(receipt)
                        message = f"not what the ledger yields in this place: {of}"
                        fault = FaultError(
                            "RECEIPT_MISMATCH", message, file=RECEIPTS, record=number
                        )
                        break
            self._found[RECEIPTS] = file.digest()
        return fault

    def _read_run(self, seen: Mapping[str, int]) -> RunPass:
        checker = self.episode.checker
        run = RunPass(checker.head, checker.records, seen)
        with opened(self.path, RUN_LOG, self._progress) as file:
            run.read(file, self.episode.start)
            self._found[RUN_LOG] = file.digest()
        return run

    def _check_digests(self) -> None:
        for name in sorted(self.digests):
            found, stated = self._found[name], self.digests[name]
            if found != stated:
                message = f"its SHA-256 is {found}, the statement says {stated}"
                raise FaultError("BUNDLE_FILE_DIGEST", message, file=name)

    def _checked_policy(self, policy: StatedPolicy | FaultError) -> StatedPolicy:
        if isinstance(policy, FaultError):
            raise policy
        start = self.episode.start
        if start is not None and policy.fingerprint != start.policy_fingerprint:
            message = f"its SHA-256 is {policy.fingerprint}, the ledger says "
            message += start.policy_fingerprint
            raise FaultError("POLICY_FINGERPRINT", message, file=POLICY)
        return policy

    def _check_rest(self, receipts: FaultError | None) -> None:
        self._check_note(CHECKPOINT)
        if receipts is not None:
            raise receipts
        if self.run is not None:
            if self.run.fault is not None:
                raise self.run.fault
            self._check_note(RUN_CHECKPOINT)
        self._check_predicate()

    def _check_note(self, name: str) -> None:
        of = self.episode if self.run is None or name == CHECKPOINT else self.run
        self.notes[name] = checked_note(name, self._small[name], of.checkpoint)

    def _check_predicate(self) -> None:
        stated = self.manifest.statement.predicate
        start, end = self.episode.start, self.episode.end
        if start is None or end is None:  # not so, where the ledger is in order
            raise FaultError("PREDICATE_MISMATCH", "the ledger states nothing", file=MANIFEST)
        collector = self.episode.receipts
        expected = Predicate(
            version=stated.version,
            exporter=stated.exporter,
            episode=self.episode.facts(start, end),
            policy_fingerprint=self.policy.fingerprint,
            fingerprints=document_digests(self.policy.data),
            keys_digest=start.keys_digest,
            receipts=None if collector is None else collector.counts(),
            run=None if self.run is None else self.run.facts(),
        )
        if stated != expected:
            message = _first_difference(_flat(stated), _flat(expected))
            raise FaultError("PREDICATE_MISMATCH", message, file=MANIFEST)


def _named(receipt: Receipt) -> str:
    return f"{receipt.entity_type} {receipt.entity_id}"


def _flat(predicate: Predicate) -> dict[str, object]:
    """Return every field of a predicate by its path."""
    found: dict[str, object] = {}
    todo: list[tuple[str, object]] = [("", msgspec.to_builtins(predicate))]
    while todo:
        path, value = todo.pop()
        if isinstance(value, dict):
            todo += [(f"{path}.{name}".lstrip("."), item) for name, item in value.items()]
        else:
            found[path] = value
    return found


def _first_difference(stated: dict[str, object], expected: dict[str, object]) -> str:
    missing = "nothing"
    for path in sorted(stated.keys() | expected.keys()):
        found, wanted = stated.get(path, missing), expected.get(path, missing)
        if found != wanted:
            return f"{path} is stated as {found}, the files say {wanted}"
    return "the shapes differ"
