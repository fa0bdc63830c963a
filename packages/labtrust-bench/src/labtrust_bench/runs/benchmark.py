"""Run a benchmark: the episodes of one task, their logs, and their results."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import labtrust_core
import labtrust_env
from labtrust_core.domains import open_policy
from labtrust_core.engine.compiled import CompiledPolicy
from labtrust_core.errors import UsageError
from labtrust_core.ledger.writer import LogWriter
from labtrust_core.policy.directory import find_policy_dir
from labtrust_env.rewards import TERMS
from labtrust_env.session import Session

import labtrust_bench
from labtrust_bench.agents.api import Player
from labtrust_bench.runs.aggregators import AGGREGATORS, extra_figures, get_metrics_aggregator
from labtrust_bench.runs.crew import agents_for, baseline_id, stated
from labtrust_bench.runs.episode import run_episode
from labtrust_bench.runs.executor import Executor, Serial
from labtrust_bench.runs.external import class_path
from labtrust_bench.runs.full_metrics import FlowObserver
from labtrust_bench.runs.observers import Observer, TimingObserver, measuring
from labtrust_bench.runs.plan import RunConfig
from labtrust_bench.runs.results import (
    AggregatorSource,
    EpisodeResult,
    FullEpisode,
    FullResults,
    LedgerEntry,
    Results,
    RunSettings,
    TaskSource,
    Totals,
)
from labtrust_bench.tasks.base import BenchmarkTask
from labtrust_bench.tasks.registry import TASKS, get_task

Progress = Callable[[EpisodeResult, TimingObserver], None]


def log_file(folder: Path, episode: int) -> Path:
    """Return the log of an episode (counted from 0) below a folder of logs."""
    return folder / f"episode_{episode}.jsonl"


@dataclass(frozen=True, slots=True)
class EpisodeJob:
    """One episode to play: its number (from 0), its seed, and the log to write, if any.

    With ``sync`` the log is on the disk when the episode's result is there.
    """

    number: int
    seed: int
    log: Path | None = None
    sync: bool = False

    def __str__(self) -> str:
        return f"episode {self.number} (seed {self.seed})"


Played = tuple[EpisodeResult, TimingObserver]


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
            UnknownNameError: There is no such task, crew, partner or metrics aggregator.
            UsageError: A member is left without an agent, or ``policy`` is another partner's.
            PolicyError: The policy is not sound.
        """
        self.config = config
        self.task: BenchmarkTask = get_task(config.task, config.variant)
        self._aggregator = get_metrics_aggregator(config.metrics_aggregator)
        policy = open_policy(config.policy_dir, config.partner_id) if policy is None else policy
        if policy.partner != config.partner_id:
            raise UsageError(f"policy of partner {policy.partner}, expected {config.partner_id}")
        self.session = Session(policy, self.task.session_config(signed=config.signed))
        self.agents: dict[str, Player] = agents_for(
            self.task, self.session.members, config.agents, config.mixed
        )

    def run(
        self,
        logs: Callable[[int], Path] | None = None,
        progress: Progress | None = None,
        executor: Executor | None = None,
    ) -> Results:
        """Play every episode.

        Args:
            logs: Number of an episode (from 0) to the log file to write, in a folder that exists;
                by default none is written. Results do not depend on it.
            progress: Called after each episode.
            executor: Where the episodes are played; by default here. Results do not depend on it.

        Raises:
            LedgerError: A log cannot be written.
            AgentError: An agent fails.
            JobError: An episode fails otherwise.
        """
        jobs = (
            EpisodeJob(number, seed, None if logs is None else logs(number))
            for number, seed in enumerate(self.config.seeds)
        )
        episodes = []
        with closing(self.play(jobs, executor)) as played:
            for result, timing in played:
                episodes.append(result)
                if progress is not None:
                    progress(result, timing)
        return self.results(episodes)

    def play(
        self, jobs: Iterable[EpisodeJob], executor: Executor | None = None
    ) -> Generator[Played, None, None]:
        """Yield result and timing of each job, in their order; the caller closes the generator.

        Raises as ``run``.
        """
        chosen = Serial() if executor is None else executor
        work = _Work(self.config, self.session.engine.policy.fingerprint, self)
        return chosen.map(work, jobs, str)

    def play_one(self, job: EpisodeJob, observers: Sequence[Observer] = ()) -> Played:
        """Play one episode here, watched by ``observers`` too; raises as ``run``."""
        full = self.config.schema != "0.2"
        members = self.session.members
        opponents = {name: self.agents[name] for name in self.task.opponents(members)}
        attacks, measured = measuring(self.task, members, opponents)
        flow, timing = FlowObserver(), TimingObserver()
        extra = self._aggregator(self.task)
        writing = LogWriter(job.log, sync="close" if job.sync else "none") if job.log else None
        with nullcontext() if writing is None else writing:
            end = run_episode(
                self.session,
                self.agents,
                job.seed,
                (attacks, measured, extra, *((flow,) if full else ()), *observers, timing),
                episode=self.episode_id(job.seed),
                sink=None if writing is None else writing.write,
            )
        result = EpisodeResult(
            seed=job.seed,
            metrics=measured.metrics,
            ledger=LedgerEntry(head=end.head, length=end.length),
            extra=extra_figures(self.config.metrics_aggregator, extra),
        )
        return (_full(result, flow) if full else result), timing

    def episode_id(self, seed: int) -> str:
        """Return the id of an episode, which its ledger states and signatures cover."""
        return f"{self.task.name}-{seed}"

    def header(self) -> Results:
        """Return the results as they are before the first episode: without any."""
        config, policy = self.config, self.session.engine.policy
        source = TASKS.source(config.task)
        return Results(
            schema_version="0.2",
            task=config.task,
            task_source=TaskSource(distribution=source.distribution, version=source.version),
            agent_baseline_id=baseline_id(config.agents, config.mixed),
            agents={name: class_path(agent) for name, agent in self.agents.items()},
            num_episodes=config.num_episodes,
            base_seed=config.base_seed,
            seeds=list(config.seeds),
            policy_fingerprint=policy.fingerprint,
            partner_id=config.partner_id,
            config=_settings(self.task, config),
            versions=_versions(),
            episodes=[],
            agent_specs={name: stated(spec) for name, spec in sorted(config.mixed.items())},
            metrics_aggregator=_aggregator_source(config.metrics_aggregator),
        )

    def results(self, episodes: list[EpisodeResult]) -> Results:
        """Return the results of a run whose episodes have been played."""
        totals = Totals()
        for item in episodes:
            totals.add(item.metrics)
        return completed(self.header(), self.config, episodes, totals)


def completed(
    header: Results, config: RunConfig, episodes: list[EpisodeResult], totals: Totals
) -> Results:
    """Return the results of a run in the version that it asks for.

    Args:
        header: Of ``Benchmark.header``.
        config: What was run.
        episodes: The episodes; none, where the caller adds them himself.
        totals: Their sums.
    """
    fields = {name: getattr(header, name) for name in Results.__struct_fields__}
    fields |= {"schema_version": config.schema, "episodes": episodes}
    if config.schema == "0.2":
        return Results(**fields)
    return FullResults(**fields, aggregate=totals.aggregate())


class _Work:
    """Plays the episodes of one run; in another process it prepares a benchmark of its own."""

    def __init__(self, config: RunConfig, fingerprint: str, benchmark: Benchmark | None) -> None:
        self._config = config
        self._fingerprint = fingerprint
        self._benchmark = benchmark

    def __call__(self, job: EpisodeJob) -> Played:
        if self._benchmark is None:
            self._benchmark = Benchmark(self._config)
            found = self._benchmark.session.engine.policy.fingerprint
            if found != self._fingerprint:
                raise UsageError(
                    f"a worker finds a policy with fingerprint {found}, expected "
                    f"{self._fingerprint}; workers open the policy that the run's config names"
                )
        return self._benchmark.play_one(job)

    def __reduce__(self) -> tuple[type[_Work], tuple[RunConfig, str, None]]:
        folder = find_policy_dir(self._config.policy_dir).absolute()
        return _Work, (replace(self._config, policy_dir=folder), self._fingerprint, None)


def run_benchmark(
    config: RunConfig,
    logs: Path | None = None,
    policy: CompiledPolicy | None = None,
    executor: Executor | None = None,
) -> Results:
    """Run a benchmark and return its results.

    Args:
        config: What to run.
        logs: Folder for ``episode_<n>.jsonl``; made if need be. By default no log is written.
        policy: The compiled policy; by default the one that ``config`` names is opened.
        executor: Where the episodes are played; by default here.

    Raises:
        LabTrustError: As ``Benchmark`` and ``Benchmark.run`` say.
        OSError: The folder cannot be made.
    """
    benchmark = Benchmark(config, policy)
    if logs is None:
        return benchmark.run(executor=executor)
    logs.mkdir(parents=True, exist_ok=True)
    return benchmark.run(lambda number: log_file(logs, number), executor=executor)


def _full(result: EpisodeResult, flow: FlowObserver) -> FullEpisode:
    fields = {name: getattr(result, name) for name in EpisodeResult.__struct_fields__}
    return FullEpisode(**{**fields, "metrics": flow.complete(result.metrics)})


def _aggregator_source(name: str) -> AggregatorSource:
    source = AGGREGATORS.source(name)
    return AggregatorSource(
        aggregator_id=name, distribution=source.distribution, version=source.version
    )


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
