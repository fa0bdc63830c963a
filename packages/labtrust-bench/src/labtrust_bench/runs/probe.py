"""One episode in this process, for comparison with another: read from stdin, told on stdout.

``python -m labtrust_bench.runs.probe`` reads a :class:`Question` and writes an :class:`Answer`, as
JSON.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
from labtrust_core.canonical import sha256_hex
from labtrust_core.errors import LabTrustError
from labtrust_core.event import StepResult
from labtrust_env.session import Session

from labtrust_bench.runs.benchmark import Benchmark, EpisodeJob
from labtrust_bench.runs.plan import RunConfig
from labtrust_bench.runs.results import results_bytes


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to play.

    Attributes:
        run: A ``RunConfig`` of one episode, without the policy folder.
        policy_dir: The policy folder, absolute.
        before: Seed of an episode that is played before it, or null.
    """

    run: dict[str, Any]
    policy_dir: str
    before: int | None = None


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What came of it, or what went wrong.

    Attributes:
        error: One line; empty when all is well, and then the rest is there.
        log_sha256: Of the whole log.
        results_sha256: Of the results file.
        world_digest: Of world and trust state at the end.
        metrics: The metrics.
    """

    error: str = ""
    log_sha256: str = ""
    results_sha256: str = ""
    world_digest: str = ""
    metrics: dict[str, Any] = {}


class _Last:
    """Keeps the digest of the state at the end."""

    digest = ""

    def begin(self, session: Session) -> None:
        """Nothing to note yet."""

    def step(self, session: Session, results: Sequence[StepResult]) -> None:
        """Nothing to note yet."""

    def end(self, session: Session) -> None:
        """Take the digest."""
        self.digest = session.engine.digest()


def answer(question: Question) -> Answer:
    """Play the episode that a question asks for.

    Raises:
        LabTrustError: It cannot be played.
    """
    config = msgspec.convert(question.run, RunConfig)
    benchmark = Benchmark(replace(config, policy_dir=Path(question.policy_dir)))
    if question.before is not None:
        benchmark.play_one(EpisodeJob(0, question.before))
    last = _Last()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log.jsonl")
        episode, _ = benchmark.play_one(EpisodeJob(0, benchmark.config.base_seed, log), (last,))
        digest = sha256_hex(log.read_bytes())
    return Answer(
        log_sha256=digest,
        results_sha256=sha256_hex(results_bytes(benchmark.results([episode]))),
        world_digest=last.digest,
        metrics=msgspec.to_builtins(episode.metrics),
    )


def main() -> None:
    """Answer the question on stdin."""
    question = msgspec.json.decode(sys.stdin.buffer.read(), type=Question)
    try:
        found = answer(question)
    except LabTrustError as error:
        found = Answer(error=str(error))
    sys.stdout.buffer.write(msgspec.json.encode(found))


if __name__ == "__main__":
    main()
