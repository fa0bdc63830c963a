"""Verifies a bundle from bytes to history: puts the levels into their order, ends at the first.

Every file is read once for the levels L0 to L2; the ledger a second time for L3, where its digest
is taken again. The caller's trust policy and state come from the caller, all else is judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from labtrust_core.errors import LabTrustError, UsageError
from labtrust_core.ledger.run_log import RUN_CHECKPOINT

from labtrust_export.statement import CHECKPOINT, EPISODE_LOG, MANIFEST, POLICY
from labtrust_export.trust_policy import TrustPolicy
from labtrust_export.verify.checkpoints import check_note_signatures
from labtrust_export.verify.codes import LEVELS, Level
from labtrust_export.verify.contents import Contents
from labtrust_export.verify.files import Progress, no_progress, opened
from labtrust_export.verify.history import History, check_history, note_run
from labtrust_export.verify.manifest import check_manifest_signatures
from labtrust_export.verify.replay import Replay, compiled
from labtrust_export.verify.report import FaultError, VerifyReport


def verify_bundle(
    path: Path,
    trust: TrustPolicy,
    *,
    upto: Level = Level.L3,
    history: History | None = None,
    progress: Progress = no_progress,
) -> VerifyReport:
    """Verify a bundle, and say how far it holds.

    Whatever the folder holds, the answer is a report: nothing in it raises an error.

    Args:
        path: The bundle's folder.
        trust: What the caller trusts.
        upto: The level that is asked for; no check above it is made.
        history: What the caller has seen of runs; needed for L4, and brought up to date only if
            everything that is asked for passes.
        progress: Told now and then how far the reading is.

    Raises:
        UsageError: L4 is asked for without a history.
    """
    if upto is Level.L4 and history is None:
        raise UsageError("level L4 compares with what you have seen before; it needs a state")
    known = History() if history is None else history
    report = VerifyReport(bundle=str(path), required=upto)
    level = Level.L0
    try:
        contents = Contents(path, upto, known.sizes(), progress)
        report.reached = Level.L0
        report.checked[Level.L0] = _tell(contents, report)
        work = _Work(contents, trust, known, report, progress)
        for level in LEVELS[1 : LEVELS.index(upto) + 1]:
            report.checked[level] = work.check(level)
            report.reached = level
    except FaultError as fault:
        report.fail(fault, level)
        return report
    if upto is Level.L4 and contents.run is not None:
        known.runs = note_run(known, contents.run).runs
    return report


@dataclass(frozen=True, slots=True)
class _Work:
    """The levels above L0, over contents that have passed it."""

    contents: Contents
    trust: TrustPolicy
    history: History
    report: VerifyReport
    progress: Progress

    def check(self, level: Level) -> str:
        """Make the checks of a level, and return what was checked.

        Raises:
            FaultError: One of them fails.
        """
        return _LEVELS[level](self)

    def keys(self) -> str:
        """L1: who has signed what, and whether the caller trusts them."""
        contents, trust, signed_by = self.contents, self.trust, self.report.signed_by
        signed_by[MANIFEST] = check_manifest_signatures(contents.manifest, trust)
        for name in (CHECKPOINT, RUN_CHECKPOINT):
            if name in contents.notes:
                signed_by[name] = check_note_signatures(name, contents.notes[name], trust)
        fingerprint = contents.policy.fingerprint
        if fingerprint not in trust.policies:
            message = f"policy {fingerprint}; trusted are {_listed(trust.policies)}"
            raise FaultError("POLICY_NOT_TRUSTED", message, file=POLICY)
        stated = contents.manifest.statement.predicate.keys_digest
        if stated not in trust.agent_keys:
            message = f"keys {stated}; trusted are {_listed(trust.agent_keys)}"
            raise FaultError("KEYS_NOT_TRUSTED", message, file=EPISODE_LOG, record=0)
        self._raise_kept(Level.L1)
        agents = contents.episode.signatures
        if agents is not None and agents.key_ids:
            signed_by["accepted events"] = sorted(agents.key_ids)
        return (
            f"{len(signed_by[MANIFEST])} trusted keys signed the bundle, "
            f"{len(signed_by[CHECKPOINT])} the ledger's checkpoint; policy and agents' keys are "
            f"yours; {0 if agents is None else agents.signed} signed events count"
        )

    def rules(self) -> str:
        """L2: what the one pass over the ledger has found."""
        self._raise_kept(Level.L2)
        counts = self.contents.episode.counts
        return (
            f"{counts['agent']} events of agents asked the gates again, "
            f"{counts['ACCEPTED']} accepted and {counts['BLOCKED']} blocked held against policy"
        )

    def replay(self) -> str:
        """L3: run the episode again."""
        contents = self.contents
        start = contents.episode.start
        if start is None:  # not so, once L0 has passed
            raise FaultError("REPLAY_UNAVAILABLE", "the ledger states nothing", file=EPISODE_LOG)
        replay = Replay(start, compiled(start, contents.policy))
        fault: FaultError | None = None
        with opened(contents.path, EPISODE_LOG, self.progress) as file:
            try:
                replay.run(file)
            except FaultError as found:
                fault = found
            except LabTrustError as error:  # the file has changed since it was read
                fault = FaultError("REPLAY_MISMATCH", str(error), file=EPISODE_LOG)
            contents.check_again(file)
        if fault is not None:
            raise fault
        return f"{replay.records} records came out byte for byte"

    def past(self) -> str:
        """L4: the run as a whole, and what was seen of it."""
        run = self.contents.run
        seen = None if run is None else self.history.runs.get(run.checker.origin)
        check_history(run, seen)
        before = "nothing" if seen is None else f"{seen.size} records"
        records = 0 if run is None else run.checker.records
        ended = 0 if run is None else run.checker.order.ended
        return f"all {ended} episodes ended; {records} records of its log, seen before {before}"

    def _raise_kept(self, level: Level) -> None:
        fault = self.contents.episode.faults.get(level)
        if fault is not None:
            raise fault


_LEVELS = {
    Level.L1: _Work.keys,
    Level.L2: _Work.rules,
    Level.L3: _Work.replay,
    Level.L4: _Work.past,
}


def _tell(contents: Contents, report: VerifyReport) -> str:
    """Note what is known of a bundle whose bytes are in order; return what was checked."""
    predicate = contents.manifest.statement.predicate
    episode, counts = predicate.episode, contents.episode.counts
    report.facts |= {
        "episode": episode.id,
        "seed": episode.seed,
        "domain": episode.domain,
        "partner": episode.partner,
        "engine": episode.engine,
        "ended": episode.reason,
        "records": episode.records,
        "events": episode.events,
        "events_of_agents": counts["agent"],
        "accepted": counts["ACCEPTED"],
        "blocked": counts["BLOCKED"],
        "head": episode.head,
        "root": episode.root,
        "policy_fingerprint": predicate.policy_fingerprint,
        "keys_digest": predicate.keys_digest,
        "specimens": None if predicate.receipts is None else predicate.receipts.specimens,
        "results": None if predicate.receipts is None else predicate.receipts.results,
        "run": None if predicate.run is None else predicate.run.origin,
        "number": None if predicate.run is None else predicate.run.number,
    }
    report.notes += _notes(contents)
    receipts = "no"
    if predicate.receipts is not None:
        receipts = str(predicate.receipts.specimens + predicate.receipts.results)
    return f"{len(contents.digests) + 1} files, {episode.records} records, {receipts} receipts"


def _notes(contents: Contents) -> list[str]:
    """Return what is no failure and yet worth knowing."""
    notes = []
    start, run = contents.episode.start, contents.run
    if start is not None and not start.config.signatures_required:
        notes.append("the episode did not ask agents for signatures")
    if start is not None and start.scenario is None:
        notes.append("the ledger does not hold the initial state: no replay, fewer rules")
    if contents.episode.is_injured:
        notes.append("a fault was injected: the ledger was to freeze at an event of the episode")
    if contents.episode.end is not None and contents.episode.end.reason != "completed":
        notes.append(f"the episode ended as {contents.episode.end.reason}")
    if run is None:
        notes.append("the bundle does not say which run the episode belongs to")
    elif run.again:
        numbers = ", ".join(map(str, sorted(run.again)[:20]))
        notes.append(f"begun more than once, after an interruption: episodes {numbers}")
    return notes


def _listed(digests: tuple[str, ...]) -> str:
    return ", ".join(digests[:3]) + (" ..." if digests[3:] else "") or "none"
