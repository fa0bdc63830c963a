"""The loop of one episode: ask the agents, step, tell the observers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from labtrust_core.ledger.chain import Sink
from labtrust_env import observations
from labtrust_env.session import Action, Session

from labtrust_bench.agents.api import ArrayAgent, Player
from labtrust_bench.runs.crew import require_everybody
from labtrust_bench.runs.observers import Observer


@dataclass(frozen=True, slots=True)
class LedgerEnd:
    """Where the ledger of an episode ends: hash of its last record (hex), and number of records."""

    head: str
    length: int


def run_episode(
    session: Session,
    agents: Mapping[str, Player],
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
    encoder = observations.Observer(session)
    deciders = {name: _decider(session, encoder, agent) for name, agent in agents.items()}
    while not session.done:
        encoder.refresh()
        actions = {
            name: decide(name) for name, decide in deciders.items() if not session.is_busy(name)
        }
        results = session.step(actions)
        for observer in observers:
            observer.step(session, results)
    for observer in observers:
        observer.end(session)
    head = session.engine.finish("aborted" if session.ctx.trust.ledger_frozen else "completed")
    return LedgerEnd(head, session.engine.chain.length)


def _decider(
    session: Session, encoder: observations.Observer, agent: Player
) -> Callable[[str], Action]:
    """Return what asks the agent, by the name of its member, on what its kind reads."""
    if isinstance(agent, ArrayAgent):
        return lambda name: agent.act_on(encoder.observe(name), session.mask(name))
    return lambda name: agent.act(session.view(name))


def _drop(_line: bytes) -> None:
    """Take a line that nobody wants to keep."""
