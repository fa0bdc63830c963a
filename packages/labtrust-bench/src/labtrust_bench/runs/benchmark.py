"""Run a benchmark: the episodes of one task, their logs, and their results."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import labtrust_core
import labtrust_env
from labtrust_core.domains import open_policy
from labtrust_core.engine.compiled import CompiledPolicy
from labtrust_core.errors import UsageError
from labtrust_core.ledger.writer import LogWriter
from labtrust_env.rewards import TERMS
from labtrust_env.session import Session

import labtrust_bench
from labtrust_bench.agents.api import Player
from labtrust_bench.agents.opponents.opponent import Opponent
from labtrust_bench.runs.attacks import AttackObserver
from labtrust_bench.runs.crew import agents_for
from labtrust_bench.runs.episode import LedgerEnd, run_episode
from labtrust_bench.runs.observers import MetricsObserver, Observer, TimingObserver
from labtrust_bench.runs.plan import RunConfig
from labtrust_bench.runs.results import (
    SCHEMA_VERSION,
    EpisodeResult,
    LedgerEntry,
    Results,
    RunSettings,
    TaskSource,
)
from labtrust_bench.tasks.base import BenchmarkTask
from labtrust_bench.tasks.registry import TASKS, get_task

Progress = Callable[[EpisodeResult, TimingObserver], None]


def log_file(folder: Path, episode: int) -> Path:
    """Return the log of an episode (counted from 0) below a folder of logs."""
    return folder / f"episode_{episode}.jsonl"


class Benchmark:
    """One task, prepared: policy compiled, session made, agents chosen.

    Attributes:
        config: What was asked for.
        task: The task at its size.
        session: Where the episodes are played.
        agents: Member to agent.
    """

    def __init__(self, config: RunConfig, policy: CompiledPolicy | None = None) -> None:
        """Prepare a run; nothing is played or written.

        Args:
            config: What to run.
            policy: The compiled policy, for a caller that runs several tasks; by default the one
                that ``config`` names is opened. It must be that of ``config.partner_id``.

        Raises:
            UnknownNameError: There is no such task, crew or partner.
            UsageError: A member is left without an agent, or ``policy`` is another partner's.
            PolicyError: The policy is not sound.
        """
        self.config = config
        self.task: BenchmarkTask = get_task(config.task, config.variant)
        policy = open_policy(config.policy_dir, config.partner_id) if policy is None else policy
        if policy.partner != config.partner_id:
            raise UsageError(f"policy of partner {policy.partner}, expected {config.partner_id}")
        self.session = Session(policy, self.task.session_config(signed=config.signed))
        self.agents: dict[str, Player] = agents_for(self.task, self.session.members, config.agents)

    def run(
        self, logs: Callable[[int], Path] | None = None, progress: Progress | None = None
    ) -> Results:
        """Play every episode.

        Args:
            logs: Number of an episode (from 0) to the log file to write, in a folder that exists;
                by default none is written. Results do not depend on it.
            progress: Called after each episode.

        Raises:
            LedgerError: A log cannot be written.
        """
        episodes = []
        for number, seed in enumerate(self.config.seeds):
            timing = TimingObserver()
            result = self._play(seed, None if logs is None else logs(number), timing)
            episodes.append(result)
            if progress is not None:
                progress(result, timing)
        return self._results(episodes)

    def _play(self, seed: int, log: Path | None, timing: Observer) -> EpisodeResult:
        members = self.session.members
        opponents = {name: self.agents[name] for name in self.task.opponents(members)}
        attacks = AttackObserver(
            {name: agent for name, agent in opponents.items() if isinstance(agent, Opponent)}
        )
        measured = MetricsObserver(self.task, [members[name] for name in opponents], attacks)
        with nullcontext() if log is None else LogWriter(log, sync="none") as writer:
            end: LedgerEnd = run_episode(
                self.session,
                self.agents,
                seed,
                (attacks, measured, timing),
                episode=f"{self.task.name}-{seed}",
                sink=None if writer is None else writer.write,
            )
        return EpisodeResult(
            seed=seed,
            metrics=measured.metrics,
            ledger=LedgerEntry(head=end.head, length=end.length),
        )

    def _results(self, episodes: list[EpisodeResult]) -> Results:
        config, policy = self.config, self.session.engine.policy
        source = TASKS.source(config.task)
        return Results(
            schema_version=SCHEMA_VERSION,
            task=config.task,
            task_source=TaskSource(distribution=source.distribution, version=source.version),
            agent_baseline_id=config.agents,
            agents={name: _class_path(agent) for name, agent in self.agents.items()},
            num_episodes=config.num_episodes,
            base_seed=config.base_seed,
            seeds=list(config.seeds),
            policy_fingerprint=policy.fingerprint,
            partner_id=config.partner_id,
            config=_settings(self.task, config),
            versions=_versions(),
            episodes=episodes,
        )


def run_benchmark(
    config: RunConfig, logs: Path | None = None, policy: CompiledPolicy | None = None
) -> Results:
    """Run a benchmark and return its results.

    Args:
        config: What to run.
        logs: Folder for ``episode_<n>.jsonl``; made if need be. By default no log is written.
        policy: The compiled policy; by default the one that ``config`` names is opened.

    Raises:
        LabTrustError: As ``Benchmark`` and ``Benchmark.run`` say.
        OSError: The folder cannot be made.
    """
    benchmark = Benchmark(config, policy)
    if logs is None:
        return benchmark.run()
    logs.mkdir(parents=True, exist_ok=True)
    return benchmark.run(lambda number: log_file(logs, number))


def _class_path(agent: Player) -> str:
    kind = type(agent)
    return f"{kind.__module__}:{kind.__qualname__}"


def _settings(task: BenchmarkTask, config: RunConfig) -> RunSettings:
    return RunSettings(
        crew=task.size.crew or task.crew,
        workload=task.size.workload,
        horizon_s=task.size.horizon_s,
        arrivals_until_s=task.size.arrivals_until_s,
        cutoff_s=task.cutoff_s,
        dt_s=task.size.dt_s,
        max_steps=task.max_steps,
        variant=config.variant,
        faults=task.size.faults,
        signed=config.signed or task.signed,
        sla_s=dict(task.sla_s),
        reward={name: getattr(task.reward_config, name) for name in TERMS},
    )


def _versions() -> dict[str, str]:
    return {
        "labtrust-bench": labtrust_bench.__version__,
        "labtrust-core": labtrust_core.__version__,
        "labtrust-env": labtrust_env.__version__,
    }
