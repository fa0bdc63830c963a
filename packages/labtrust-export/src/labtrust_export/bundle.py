"""Builds evidence bundles: the files of one episode, stated and signed.

A bundle is written whole or not at all, and only of a ledger that verifies and is finished, under
the very policy whose fingerprint the ledger states. Memory holds one episode.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from labtrust_core.canonical import sha256_hex
from labtrust_core.errors import UsageError
from labtrust_core.ledger.verify import LogFaultError
from labtrust_core.policy.snapshot import document_digests
from labtrust_core.trust.key_files import SigningKey

from labtrust_export.checkpoints import EvidenceError, checkpoint_for
from labtrust_export.envelope import signed
from labtrust_export.episode import EpisodeLog, read_episode
from labtrust_export.folders import whole_entries, write_files
from labtrust_export.policy_in_force import PolicyInForce
from labtrust_export.portable import portable_receipts, receipt_file_name
from labtrust_export.receipts import receipt_file
from labtrust_export.run_evidence import EpisodeSource, RunEvidence, RunSource
from labtrust_export.start import StartSchemaError
from labtrust_export.statement import (
    BUNDLE_FOLDER,
    CHECKPOINT,
    EPISODE_LOG,
    EXPORTER,
    MANIFEST,
    PAYLOAD_TYPE,
    POLICY,
    RECEIPTS,
    RUN_CHECKPOINT,
    RUN_LOG,
    Predicate,
    RunFacts,
    statement_of,
)


@dataclass(frozen=True, slots=True)
class ExportKeys:
    """Who signs.

    Attributes:
        bundle: The signers of a bundle, at least one.
        log: Who signs checkpoints; not needed where the run has brought them along.
    """

    bundle: tuple[SigningKey, ...]
    log: SigningKey | None = None


@dataclass(frozen=True, slots=True)
class BundleSummary:
    """What was written.

    Attributes:
        path: The bundle; None where none was wanted.
        episode: The episode's id.
        records: Number of records of its ledger.
        specimens: Decision to number of specimens.
        results: Decision to number of results.
        fingerprint: Of the policy in force.
        number: The episode's number in its run; None without a run log.
        entities: Which of the entities asked for are in this episode.
        portable: Their receipts by themselves.
    """

    path: Path | None
    episode: str
    records: int
    specimens: dict[str, int]
    results: dict[str, int]
    fingerprint: str
    number: int | None
    entities: tuple[str, ...] = ()
    portable: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be written.

    Attributes:
        bundle: Whether bundles are.
        entities: Ids of specimens and results whose receipts are written by themselves.
        force: Whether what is there may be replaced.
        told: Called after each episode.
    """

    bundle: bool = True
    entities: tuple[str, ...] = ()
    force: bool = False
    told: Callable[[BundleSummary], object] | None = None


def build_bundle(
    source: EpisodeSource,
    out: Path,
    keys: ExportKeys,
    policies: PolicyInForce | None = None,
    *,
    run: RunEvidence | None = None,
    force: bool = False,
) -> BundleSummary:
    """Write the bundle of one episode, ``<out>/EvidenceBundle.v0.1/``.

    Args:
        source: The episode's log, and the checkpoint beside it if there is one.
        out: A folder; may exist.
        keys: Who signs.
        policies: Where its policy is; by default the policy in force.
        run: The run that it belongs to.
        force: Replace a bundle that is there.

    Raises:
        EvidenceError: The log does not verify or is unfinished, or the checkpoint or run log beside
            it is not of it.
        LedgerError: A file cannot be read.
        UsageError: The policy is another one than the log's; a key is missing; a bundle is there
            and ``force`` is false; or it cannot be written.
        UnknownNameError: The log's domain or partner is not there.
        PolicyError: The policy does not load.
    """
    builder = _Builder(keys, policies or PolicyInForce(), run, Wanted())
    with whole_entries(out, [BUNDLE_FOLDER], force=force) as staging:
        return builder.write(source, staging, out)


def build_run(
    run: RunSource,
    out: Path,
    keys: ExportKeys,
    policies: PolicyInForce | None = None,
    wanted: Wanted | None = None,
) -> list[BundleSummary]:
    """Write the bundles of a run's folder, ``<out>/episode_<n>/EvidenceBundle.v0.1/``, all or none.

    A single log becomes ``<out>/EvidenceBundle.v0.1/``. Receipts by themselves lie beside the
    bundle.

    Args:
        run: What is there.
        out: A folder; may exist.
        keys: Who signs.
        policies: Where their policy is; by default the policy in force.
        wanted: What is to be written; by default bundles.

    Raises:
        EvidenceError: As for ``build_bundle``, or the run log is not in order.
        LedgerError: A file cannot be read.
        UsageError: As for ``build_bundle``, or an entity asked for is not there.
        UnknownNameError: A log's domain or partner is not there.
        PolicyError: The policy does not load.
    """
    wanted = wanted or Wanted()
    evidence = run.evidence(keys.log) if wanted.bundle else None
    builder = _Builder(keys, policies or PolicyInForce(), evidence, wanted)
    places = ["" if item.number is None else f"episode_{item.number}/" for item in run.episodes]
    names = [f"{place}{BUNDLE_FOLDER}" for place in places] if wanted.bundle else []
    summaries: list[BundleSummary] = []
    with whole_entries(out, names, force=wanted.force) as staging:
        for item, place in zip(run.episodes, places, strict=True):
            summary = builder.write(item, staging / place, out / place)
            names += [f"{place}{path.name}" for path in summary.portable]
            summaries.append(summary)
            if wanted.told is not None:
                wanted.told(summary)
        found = {entity for summary in summaries for entity in summary.entities}
        missing = sorted(set(wanted.entities) - found)
        if missing:
            raise UsageError(f"no specimen and no result of that name: {', '.join(missing)}")
    return summaries


def bundle_files(
    log: EpisodeLog, checkpoint: bytes, policy: bytes, run: RunEvidence | None
) -> tuple[dict[str, bytes], Predicate]:
    """Return the files of a bundle but its manifest, by name, and what is stated of them.

    Args:
        log: The episode's ledger.
        checkpoint: Its signed checkpoint.
        policy: The policy's canonical bytes without LF.
        run: The run that it belongs to.

    Raises:
        EvidenceError: The run log does not know the episode.
    """
    files = {EPISODE_LOG: log.data, CHECKPOINT: checkpoint, POLICY: policy + b"\n"}
    if log.has_receipts:
        files[RECEIPTS] = receipt_file(log.receipts.receipts())
    facts = None
    if run is not None:
        files |= {RUN_LOG: run.data, RUN_CHECKPOINT: run.note}
        facts = RunFacts(origin=run.origin, number=run.number_of(log), size=run.size)
    predicate = Predicate(
        version="0.1",
        exporter=EXPORTER,
        episode=log.facts,
        policy_fingerprint=sha256_hex(policy),
        fingerprints=document_digests(policy),
        keys_digest=log.start.keys_digest,
        receipts=log.receipts.counts() if log.has_receipts else None,
        run=facts,
    )
    return files, predicate


@dataclass(frozen=True, slots=True)
class _Builder:
    """What all bundles of one call have in common."""

    keys: ExportKeys
    policies: PolicyInForce
    run: RunEvidence | None
    wanted: Wanted

    def write(self, source: EpisodeSource, staging: Path, final: Path) -> BundleSummary:
        """Write what is wanted of an episode into ``staging``, which will be called ``final``."""
        try:
            log = read_episode(source.log)
        except (LogFaultError, StartSchemaError) as error:
            raise EvidenceError(str(error), file=source.log) from error
        if log.has_receipts and not any(msgspec.structs.astuple(log.receipts.counts())):
            raise EvidenceError("no specimen and no result, so nothing to show", file=source.log)
        note = checkpoint_for(log.checkpoint, source.checkpoint, self.keys.log)
        portable = {
            entity: [*portable_receipts(log, note, entity)] if log.has_receipts else []
            for entity in self.wanted.entities
        }
        files = {
            receipt_file_name(item.receipt): item.encoded()
            for items in portable.values()
            for item in items
        }
        if files:
            write_files(staging, files)
        number = self._bundle(log, note, staging) if self.wanted.bundle else None
        return _summary(
            log,
            path=final / BUNDLE_FOLDER if self.wanted.bundle else None,
            number=number,
            entities=tuple(entity for entity, items in portable.items() if items),
            portable=tuple(final / name for name in files),
        )

    def _bundle(self, log: EpisodeLog, note: bytes, staging: Path) -> int | None:
        """Write a bundle; return the episode's number in its run, if it belongs to one."""
        policy = self.policies.snapshot_for(log.start)
        files, predicate = bundle_files(log, note, policy, self.run)
        payload = statement_of(files, predicate).payload()
        signers = [(key.name, key.private) for key in self.keys.bundle]
        manifest = signed(PAYLOAD_TYPE, payload, signers).encoded()
        write_files(staging / BUNDLE_FOLDER, files | {MANIFEST: manifest})
        return None if predicate.run is None else predicate.run.number


def _summary(log: EpisodeLog, **written: Any) -> BundleSummary:  # noqa: ANN401 - fields of the summary
    decisions: dict[str, Counter[str]] = {"specimen": Counter(), "result": Counter()}
    for receipt in log.receipts.receipts() if log.has_receipts else ():
        decisions[receipt.entity_type][receipt.decision] += 1
    return BundleSummary(
        episode=log.start.config.episode,
        records=log.size,
        specimens=dict(sorted(decisions["specimen"].items())),
        results=dict(sorted(decisions["result"].items())),
        fingerprint=log.start.policy_fingerprint,
        **written,
    )
