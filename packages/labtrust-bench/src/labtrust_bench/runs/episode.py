"""The loop of one episode: ask the agents, step, tell the observers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labtrust_core.ledger.chain import Sink
from labtrust_env.session import Session

from labtrust_bench.agents.api import Agent
from labtrust_bench.runs.crew import require_everybody
from labtrust_bench.runs.observers import Observer


@dataclass(frozen=True, slots=True)
class LedgerEnd:
    """Where the ledger of an episode ends: hash of its last record (hex), and number of records."""

    head: str
    length: int


def run_episode(
    session: Session,
    agents: Mapping[str, Agent],
    seed: int,
    observers: Sequence[Observer] = (),
    *,
    episode: str | None = None,
    sink: Sink | None = None,
) -> LedgerEnd:
    """Play one episode from reset to the end record of its ledger.

    A member that is travelling or handling is not asked: it can only wait.

    Args:
        session: Where it is played; its former episode is gone.
        agents: An agent for every member.
        seed: Fixes the episode and the agents' draws.
        observers: Told of the beginning, of every step and of the end.
        episode: Episode id, which signatures cover.
        sink: Takes each line of the ledger. Without one the lines are dropped; the Merkle tree,
            whose root the end record states, is kept all the same.

    Raises:
        UsageError: Agents and members do not fit one to one, or an agent's action is none.
    """
    require_everybody(session.members, agents)
    session.reset(seed, episode=episode, sink=_drop if sink is None else sink)
    for name, agent in agents.items():
        agent.reset(name, seed)
    for observer in observers:
        observer.begin(session)
    while not session.done:
        actions = {
            name: agent.act(session.view(name))
            for name, agent in agents.items()
            if not session.is_busy(name)
        }
        results = session.step(actions)
        for observer in observers:
            observer.step(session, results)
    for observer in observers:
        observer.end(session)
    head = session.engine.finish("aborted" if session.ctx.trust.ledger_frozen else "completed")
    return LedgerEnd(head, session.engine.chain.length)


def _drop(_line: bytes) -> None:
    """Take a line that nobody wants to keep."""
