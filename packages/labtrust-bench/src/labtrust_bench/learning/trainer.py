"""Trains a crew: updates, validations, checkpoints, curve, and the policy that did best."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Final

import msgspec
import torch
from labtrust_core.domains import open_policy
from labtrust_core.errors import UsageError
from sb3_contrib import MaskablePPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import configure

from labtrust_bench.learning.config import TrainConfig
from labtrust_bench.learning.curve import curve_svg
from labtrust_bench.learning.export import network_of
from labtrust_bench.learning.labs import EpisodeSummary
from labtrust_bench.learning.learner import (
    last_checkpoint,
    load_checkpoint,
    make_learner,
    play,
    save_checkpoint,
)
from labtrust_bench.learning.network import FORMAT, PolicyHead, write_network
from labtrust_bench.learning.pool import LabPool
from labtrust_bench.learning.run_files import (
    SCHEMA_VERSION,
    CurveRow,
    RunFolder,
    SeedBlock,
    TrainRecord,
    machine,
    read_curve,
    read_record,
    versions,
    write_curve,
    write_json,
)
from labtrust_bench.learning.streams import MemberStreams
from labtrust_bench.learning.yardsticks import mean_rewards

Progress = Callable[[CurveRow, int], None]
"""Told of each finished update, and of how many there are to be."""

_LOGGED: Final = ("reward", "paid", "released", "blocked", "violations")


class TrainReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``report.json``: how a run ended.

    Attributes:
        best_update: After which update the policy that was kept stood.
        validation_reward: Its mean reward over the validation episodes, in points.
        validation_released: Specimens released in them, mean.
        seconds: Wall time of all updates.
        agent_steps: Agent-steps of all updates.
        yardsticks: Other crews' mean rewards on the validation episodes.
    """

    best_update: int
    validation_reward: float
    validation_released: float
    seconds: float
    agent_steps: int
    yardsticks: dict[str, float]


@dataclass(slots=True)
class _Run:
    """A run in progress."""

    config: TrainConfig
    record: TrainRecord
    folder: RunFolder
    streams: MemberStreams
    model: MaskablePPO
    progress: Progress | None
    yardsticks: Mapping[str, float]
    rows: list[CurveRow] = field(default_factory=list)
    before_s: float = 0.0
    began: float = field(default_factory=time.monotonic)

    def played(self) -> None:
        """Note the episodes of an update."""
        found = self.streams.finished
        self.rows.append(
            CurveRow(
                update=len(self.rows) + 1,
                agent_steps=self.model.num_timesteps,
                seconds=self.before_s + time.monotonic() - self.began,
                reward=fmean(item.reward for item in found),
                paid=fmean(item.paid for item in found),
                released=fmean(item.released for item in found),
                blocked=fmean(item.blocked for item in found),
                violations=fmean(item.violations for item in found),
            )
        )
        row = self.rows[-1]
        for name in _LOGGED:
            self.model.logger.record(f"episode/{name}", getattr(row, name))
        share = len(self.rows) / self.record.updates
        config = self.config
        self.model.ent_coef = config.entropy + share * (config.entropy_end - config.entropy)

    def learned(self) -> None:
        """Validate and write what is due after an update."""
        update = len(self.rows)
        if update % self.config.validate_every == 0 or update == self.record.updates:
            self._validate()
            self._draw()
            save_checkpoint(self.folder.checkpoints, update, self.model)
        write_curve(self.folder.curve, self.rows)
        if self.progress is not None:
            self.progress(self.rows[-1], self.record.updates)

    def _validate(self) -> None:
        config = self.config
        seeds = config.validation_seeds
        greedy = config.decide == "greedy"
        found = play(self.model, self.streams, seeds, greedy=greedy)
        best = max((row.validation_reward or 0.0 for row in self.validated), default=None)
        reward, released = _means(found)
        self.rows[-1] = msgspec.structs.replace(
            self.rows[-1], validation_reward=reward, validation_released=released
        )
        self.model.logger.record("validation/reward", reward)
        self.model.logger.record("validation/released", released)
        if best is None or reward > best:
            self._keep()

    @property
    def validated(self) -> list[CurveRow]:
        """The updates that were followed by a validation."""
        return [row for row in self.rows if row.validation_reward is not None]

    def _keep(self) -> None:
        """Write the policy as it stands: the best so far."""
        record, config = self.record, self.config
        head = PolicyHead(
            format=FORMAT,
            layers=len(config.hidden) + 1,
            decide=config.decide,
            layout_fingerprint=record.layout_fingerprint,
            policy_fingerprint=record.policy_fingerprint,
            task=config.task,
            variant=config.variant,
            partner=config.partner,
        )
        usable = self.streams.pool.usable
        write_network(self.folder.policy, network_of(self.model.policy, head, usable))
        self.model.save(self.folder.model)

    def _draw(self) -> None:
        title = f"Learning curve of {self.config.task} ({self.config.variant})"
        text = curve_svg(self.rows, self.yardsticks, title)
        self.folder.picture.write_text(text, encoding="utf-8")

    def report(self) -> TrainReport:
        """Return how the run has ended, and write it."""
        best = max(self.validated, key=lambda row: (row.validation_reward or 0.0, -row.update))
        report = TrainReport(
            best_update=best.update,
            validation_reward=best.validation_reward or 0.0,
            validation_released=best.validation_released or 0.0,
            seconds=round(self.rows[-1].seconds, 1),
            agent_steps=self.rows[-1].agent_steps,
            yardsticks=dict(self.yardsticks),
        )
        write_json(self.folder.report, report)
        return report


class _Hooks(BaseCallback):
    """Calls the run at the two moments of an update."""

    def __init__(self, run: _Run) -> None:
        super().__init__()
        self._run = run
        self._fresh = False

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        if self._fresh:
            self._run.learned()

    def _on_rollout_end(self) -> None:
        self._run.played()
        self._fresh = True


def train(
    config: TrainConfig, path: Path, workers: int = 1, progress: Progress | None = None
) -> TrainReport:
    """Train a crew into a new folder.

    Args:
        config: What to train.
        path: The folder; there must be nothing in it.
        workers: Processes that play the laboratories; no result depends on how many.
        progress: Told of each update.

    Raises:
        UsageError: The folder is not empty, or the configuration fits no task.
        LabTrustError: A process failed.
    """
    folder = RunFolder(path)
    with _playing(config, workers) as pool:
        record = _record(config, pool, workers)
        folder.create()
        write_json(folder.record, record)
        return _go_on(record, folder, pool, progress)


def resume(path: Path, workers: int = 1, progress: Progress | None = None) -> TrainReport:
    """Go on with a run that was stopped, from its last checkpoint.

    The result is that of a run that was never stopped.

    Args:
        path: The folder of the run.
        workers: As in ``train``.
        progress: As in ``train``.

    Raises:
        DocumentError: There is no run, or its checkpoint is damaged.
        UsageError: Policy or layout are no longer those that the run began with.
    """
    folder = RunFolder(path)
    record = read_record(folder.record)
    with _playing(record.config, workers) as pool:
        now = _record(record.config, pool, record.workers)
        for name in ("policy_fingerprint", "layout_fingerprint", "versions", "machine"):
            if getattr(now, name) != getattr(record, name):
                raise UsageError(
                    f"{name} is {getattr(now, name)}; the run began with {getattr(record, name)}"
                )
        return _go_on(record, folder, pool, progress)


@contextmanager
def _playing(config: TrainConfig, workers: int) -> Iterator[LabPool]:
    """Laboratories, and one thread for the learner: sums then have one order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    pool = LabPool(config, workers)
    try:
        yield pool
    finally:
        pool.close()
        torch.set_num_threads(threads)


def _record(config: TrainConfig, pool: LabPool, workers: int) -> TrainRecord:
    shape = pool.shape
    each = shape.steps * pool.labs * len(shape.members)
    updates = -(-config.steps // each)
    seeds = config.training_seeds(updates)
    return TrainRecord(
        schema_version=SCHEMA_VERSION,
        config=config,
        updates=updates,
        agent_steps=updates * each,
        workers=workers,
        seeds=SeedBlock(first=seeds[0], count=len(seeds), validation=config.validation_seeds),
        policy_fingerprint=open_policy(None, config.partner).fingerprint,
        layout_fingerprint=shape.fingerprint,
        versions=versions(),
        machine=machine(),
    )


def _go_on(
    record: TrainRecord, folder: RunFolder, pool: LabPool, progress: Progress | None
) -> TrainReport:
    """Do the updates that are left, and report."""
    config = record.config
    done = last_checkpoint(folder.checkpoints)
    rows = read_curve(folder.curve)[:done] if done else []
    streams = MemberStreams(pool, config.first_seed + done * config.labs)
    logger = configure(str(folder.tensorboard), ["tensorboard"])
    model = make_learner(config, streams, logger)
    seen = record.agent_steps // record.updates * done
    if done:
        load_checkpoint(folder.checkpoints, done, model, seen)
    run = _Run(
        config=config,
        record=record,
        folder=folder,
        streams=streams,
        model=model,
        progress=progress,
        yardsticks=mean_rewards(config),
        rows=rows,
        before_s=rows[-1].seconds if rows else 0.0,
    )
    if done < record.updates:
        model.learn(
            record.agent_steps - seen,
            callback=_Hooks(run),
            log_interval=1,
            reset_num_timesteps=False,
        )
        run.learned()
    logger.dump(model.num_timesteps)
    logger.close()
    return run.report()


def _means(found: list[EpisodeSummary]) -> tuple[float, float]:
    return fmean(item.reward for item in found), fmean(item.released for item in found)
