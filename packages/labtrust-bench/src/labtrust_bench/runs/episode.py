"""The loop of one episode: ask the agents, step, tell the observers."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from labtrust_core.event import StepResult
from labtrust_core.ledger.chain import Sink
from labtrust_env import observations
from labtrust_env.action_forms import ACTION_FIELDS, Action
from labtrust_env.intrusion import CLAIMS
from labtrust_env.session import Session

from labtrust_bench.agents.api import ArrayAgent, Player
from labtrust_bench.runs.crew import require_everybody
from labtrust_bench.runs.external import AgentError, Briefed, class_path
from labtrust_bench.runs.observers import Observer


@dataclass(frozen=True, slots=True)
class LedgerEnd:
    """Where the ledger of an episode ends: hash of its last record (hex), and number of records."""

    head: str
    length: int


class Episode:
    """One episode as it runs: whoever drives it, it is reset, stepped, watched and ended here."""

    def __init__(
        self,
        session: Session,
        seed: int,
        observers: Sequence[Observer] = (),
        *,
        episode: str | None = None,
        sink: Sink | None = None,
    ) -> None:
        """Reset the session, whose former episode is gone, and tell the observers.

        Args:
            session: Where it is played.
            seed: Fixes the episode.
            observers: Told of the beginning, of every step and of the end.
            episode: Episode id, which signatures cover.
            sink: Takes each line of the ledger. Without one the lines are dropped; the Merkle tree,
                whose root the end record states, is kept all the same.
        """
        self.session = session
        self._observers = observers
        session.reset(seed, episode=episode, sink=_drop if sink is None else sink)
        for observer in observers:
            observer.begin(session)

    def step(self, actions: Mapping[str, Action]) -> list[StepResult]:
        """Let the members act and time pass; return all outcomes in order.

        Raises:
            UsageError: An action is none, or is for nobody.
        """
        results = self.session.step(actions)
        for observer in self._observers:
            observer.step(self.session, results)
        return results

    def end(self) -> LedgerEnd:
        """Tell the observers and write the end record.

        Its reason is "completed" at the horizon, and "aborted" before it or with a frozen ledger.
        """
        session = self.session
        for observer in self._observers:
            observer.end(session)
        whole = session.done and not session.ctx.trust.ledger_frozen
        head = session.engine.finish("completed" if whole else "aborted")
        return LedgerEnd(head, session.engine.chain.length)


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
        sink: Takes each line of the ledger, see ``Episode``.

    Raises:
        UsageError: Agents and members do not fit one to one.
        AgentError: An agent raised, or its answer is no action.
    """
    require_everybody(session.members, agents)
    running = Episode(session, seed, observers, episode=episode, sink=sink)
    for name, agent in agents.items():
        _reset(session, name, agent, seed)
    encoder = observations.Observer(session)
    deciders = {name: _decider(session, encoder, agent) for name, agent in agents.items()}
    while not session.done:
        encoder.refresh()
        running.step(
            {
                name: _ask(session, name, agents[name], decide)
                for name, decide in deciders.items()
                if not session.is_busy(name)
            }
        )
    return running.end()


def _reset(session: Session, name: str, agent: Player, seed: int) -> None:
    if isinstance(agent, Briefed):
        agent.brief(session)
    try:
        agent.reset(name, seed)
    except (Exception, SystemExit) as error:
        raise AgentError(class_path(agent), name, seed, None, _said(error)) from error


def _decider(
    session: Session, encoder: observations.Observer, agent: Player
) -> Callable[[str], Action]:
    """Return what asks the agent, by the name of its member, on what its kind reads."""
    if isinstance(agent, ArrayAgent):
        return lambda name: agent.act_on(encoder.observe(name), session.mask(name))
    return lambda name: agent.act(session.view(name))


def _ask(session: Session, name: str, agent: Player, decide: Callable[[str], Action]) -> Action:
    try:
        action = decide(name)
    except (Exception, SystemExit) as error:  # an agent that exits would end the run without a word
        raise _fault(session, name, agent, _said(error)) from error
    means = session.config.intrusion
    intrudes = means is not None and name in means.members
    complaint = not_an_action(action, len(session.actions), intrudes=intrudes)
    if complaint:
        raise _fault(session, name, agent, complaint)
    return action


def _fault(session: Session, name: str, agent: Player, what: str) -> AgentError:
    return AgentError(class_path(agent), name, session.ctx.config.seed, session.steps, what)


def not_an_action(action: object, size: int, *, intrudes: bool = False) -> str:
    """Return what is wrong with an action where there are ``size`` indices; empty if nothing is.

    Args:
        action: What an agent has answered.
        size: How many actions have an index.
        intrudes: Whether it comes from an intruder, who may claim to be somebody else.
    """
    if isinstance(action, Mapping):
        allowed = ACTION_FIELDS | CLAIMS if intrudes else ACTION_FIELDS
        unknown = sorted(str(key) for key in action.keys() - allowed)
        if unknown:
            known = ", ".join(sorted(allowed))
            return f"an action has no field {unknown[0]}; expected {known}"
        if action.get("action_type") is not None:
            return ""
        action = action.get("action_index", 0)
    try:
        index = operator.index(action)  # type: ignore[arg-type] # this asks whether it is one
    except TypeError:
        return f"{action!r} is neither an index nor a mapping"[:200]
    return "" if 0 <= index < size else f"action {index} lies outside 0..{size - 1}"


def _said(error: BaseException) -> str:
    return f"raised {type(error).__name__}: {error}"


def _drop(_line: bytes) -> None:
    """Take a line that nobody wants to keep."""
