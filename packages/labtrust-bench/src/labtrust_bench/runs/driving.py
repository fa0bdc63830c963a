"""An episode that its agents drive: they call tools, and the laboratory waits for them.

The tools are ``get_current_obs``, ``step_lab``, ``submit_my_action`` and ``end_episode``. One step
is one call of ``step_lab`` with a whole proposal, or one round in which every awaited member
submits its own action. Below the tools is the episode that ``run_episode`` plays: the same actions
give the same ledger, whoever drives. The task's opponents play by themselves.

Arguments and answers are JSON values; an answer is a copy, and asking changes nothing. A call that
breaks the protocol is a ``MisuseError``, and has changed nothing either. An action that the
laboratory refuses is no misuse: it is BLOCKED, logged, and takes part in the step.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import msgspec
from labtrust_core.errors import UsageError
from labtrust_core.event import StepResult
from labtrust_core.ledger.chain import Sink
from labtrust_env.action_forms import ACTION_FIELDS, Action
from labtrust_env.session import Session

from labtrust_bench.agents.api import Agent
from labtrust_bench.runs.episode import Episode, LedgerEnd, not_an_action
from labtrust_bench.runs.observers import Observer, measuring
from labtrust_bench.tasks.base import BenchmarkTask

PROPOSAL_FIELDS: Final = frozenset({"proposal_id", "step_id", "per_agent", "comms"})
ENTRY_FIELDS: Final = ACTION_FIELDS | {"agent_id"}


class Misuse(StrEnum):
    """Ways to break the protocol of the tools."""

    EPISODE_OVER = "episode-over"
    UNKNOWN_AGENT = "unknown-agent"
    NOT_YOURS = "not-yours"
    BUSY = "busy"
    SUBMITTED_TWICE = "submitted-twice"
    ROUND_OPEN = "round-open"
    STALE_STEP = "stale-step"
    MALFORMED = "malformed"


class MisuseError(UsageError):
    """A tool was called as it must not be; nothing has changed.

    Attributes:
        code: Which rule was broken.
    """

    def __init__(self, code: Misuse, message: str) -> None:
        self.code = code
        super().__init__(f"{code}: {message}")


@dataclass(frozen=True, slots=True)
class DrivenEnd:
    """The end of a driven episode.

    Attributes:
        ledger: Where its ledger ends.
        completed: Whether the horizon was reached; otherwise it is recorded as aborted.
        steps: Steps taken.
    """

    ledger: LedgerEnd
    completed: bool
    steps: int


class DrivenEpisode:
    """The tools of one episode.

    Agents may be named by member (``runner_0``) or by the engine's id (``A_RUNNER_0``).

    Attributes:
        metrics: Measures the episode; to be read after ``end_episode``.
    """

    def __init__(
        self,
        task: BenchmarkTask,
        session: Session,
        seed: int,
        observers: Sequence[Observer] = (),
        *,
        sink: Sink | None = None,
        episode: str | None = None,
    ) -> None:
        """Begin an episode.

        Args:
            task: The task, at its size.
            session: Where it is played; its former episode is gone.
            seed: Fixes the episode and the opponents' draws.
            observers: Told of the beginning, of every step and of the end.
            sink: Takes each line of the ledger.
            episode: Episode id; by default the one that a benchmark run gives it.
        """
        self._session = session
        self._opponents: dict[str, Agent] = task.opponents(session.members)
        attacks, self.metrics = measuring(task, session.members, self._opponents)
        name = f"{task.name}-{seed}" if episode is None else episode
        watched: tuple[Observer, ...] = (attacks, self.metrics, *observers)
        self._running = Episode(session, seed, watched, episode=name, sink=sink)
        for member, agent in self._opponents.items():
            agent.reset(member, seed)
        self._submitted: dict[str, Action] = {}
        self._end: DrivenEnd | None = None
        self._members = {
            **{agent_id: member for member, agent_id in session.members.items()},
            **{member: member for member in session.members},
        }

    @property
    def done(self) -> bool:
        """Whether no further step can be taken."""
        return self._end is not None or self._session.done

    @property
    def awaited(self) -> tuple[str, ...]:
        """The members that can act in this step and have not submitted yet."""
        return tuple(
            name
            for name in self._session.members
            if name not in self._opponents
            and name not in self._submitted
            and not self._session.is_busy(name)
        )

    def get_current_obs(self, agent_id: str | None = None) -> dict[str, Any]:
        """Return what can be seen now: ``step_id``, ``t_s``, ``done``, ``awaited``, ``agents``.

        Args:
            agent_id: Whose view is wanted; by default those of all members but the opponents.

        Raises:
            MisuseError: The agent is unknown or an opponent, or the episode has ended.
        """
        if self._end is not None:
            raise MisuseError(Misuse.EPISODE_OVER, "the episode has ended")
        own = [name for name in self._session.members if name not in self._opponents]
        wanted = own if agent_id is None else [self._member(agent_id)]
        seen = {
            **self._moment(),
            "awaited": self.awaited,
            "agents": {name: self._session.view(name) for name in wanted},
        }
        copied: dict[str, Any] = json.loads(msgspec.json.encode(seen))
        return copied

    def step_lab(self, proposal: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Take one step; who is not named waits.

        Args:
            proposal: ``per_agent``, a list of ``agent_id`` with an action; and optionally
                ``step_id``, the step that it was made for, ``proposal_id`` and ``comms``, which the
                laboratory does not read. Without a proposal the open round is closed as it is.

        Returns:
            ``step_id``, ``t_s`` and ``done`` after the step, and ``outcomes`` by member.

        Raises:
            MisuseError: The episode is over, a round is open, the step has passed, or the proposal
                is not of this shape.
        """
        self._require_running()
        if proposal is None:
            return self._take()
        if self._submitted:
            waiting = ", ".join(self.awaited)
            raise MisuseError(
                Misuse.ROUND_OPEN, f"actions were submitted for this step; it waits for {waiting}"
            )
        entries = self._entries(proposal)
        for name, action in entries.items():
            self._require_free(name)
            self._require_action(name, action)
        self._submitted = entries
        return self._take()

    def submit_my_action(
        self,
        agent_id: str,
        action_type: str,
        args: Mapping[str, Any] | None = None,
        reason_code: str | None = None,
    ) -> dict[str, Any]:
        """Submit one member's action; the step is taken when the last member that is awaited has.

        Args:
            agent_id: Who acts.
            action_type: Without ``args`` the name of an action as ``legal`` of a view has it, which
                finds its own work; otherwise the type of an event.
            args: Arguments of the event.
            reason_code: Reason of the event.

        Returns:
            ``status`` "pending" and who is ``awaited``; or "stepped" and what ``step_lab`` returns.

        Raises:
            MisuseError: The episode is over, the agent is unknown, an opponent or busy, or has
                submitted already.
        """
        self._require_running()
        name = self._member(agent_id)
        if name in self._submitted:
            raise MisuseError(Misuse.SUBMITTED_TWICE, f"{name} has submitted for this step")
        self._require_free(name)
        stated = {"action_type": action_type, "args": args, "reason_code": reason_code}
        action = self._action({key: value for key, value in stated.items() if value is not None})
        self._require_action(name, action)
        self._submitted[name] = action
        if self.awaited:
            return {"status": "pending", "awaited": list(self.awaited)}
        return {"status": "stepped", **self._take()}

    def end_episode(self) -> DrivenEnd:
        """End the episode, also before its horizon, and write the end record.

        Raises:
            MisuseError: It has ended.
        """
        if self._end is not None:
            raise MisuseError(Misuse.EPISODE_OVER, "the episode has ended")
        completed = self._session.done and not self._session.ctx.trust.ledger_frozen
        steps = self._session.steps
        self._end = DrivenEnd(self._running.end(), completed, steps)
        return self._end

    def _moment(self) -> dict[str, Any]:
        session = self._session
        return {"step_id": session.steps, "t_s": session.now, "done": self.done}

    def _take(self) -> dict[str, Any]:
        session = self._session
        actions = {
            name: agent.act(session.view(name))
            for name, agent in self._opponents.items()
            if not session.is_busy(name)
        }
        actions |= self._submitted
        self._submitted = {}
        self._running.step({name: actions[name] for name in session.members if name in actions})
        outcomes = {
            name: _outcome(result)
            for name, result in session.outcomes.items()
            if name not in self._opponents
        }
        return {**self._moment(), "outcomes": outcomes}

    def _entries(self, proposal: Mapping[str, Any]) -> dict[str, Action]:
        unknown = sorted(str(key) for key in proposal.keys() - PROPOSAL_FIELDS)
        if unknown:
            known = ", ".join(sorted(PROPOSAL_FIELDS))
            raise MisuseError(
                Misuse.MALFORMED, f"unknown field {unknown[0]} in a proposal; expected {known}"
            )
        step = proposal.get("step_id", self._session.steps)
        if step != self._session.steps:
            raise MisuseError(
                Misuse.STALE_STEP, f"made for step {step}, and this is {self._session.steps}"
            )
        listed = proposal.get("per_agent")
        if not isinstance(listed, Sequence) or isinstance(listed, str):
            raise MisuseError(Misuse.MALFORMED, "a proposal has a list per_agent")
        found: dict[str, Action] = {}
        for entry in listed:
            name, action = self._entry(entry)
            if name in found:
                raise MisuseError(Misuse.SUBMITTED_TWICE, f"{name} is named twice")
            found[name] = action
        return found

    def _entry(self, entry: object) -> tuple[str, Action]:
        if not isinstance(entry, Mapping) or not isinstance(entry.get("agent_id"), str):
            raise MisuseError(Misuse.MALFORMED, "an entry of per_agent has an agent_id")
        unknown = sorted(str(key) for key in entry.keys() - ENTRY_FIELDS)
        if unknown:
            known = ", ".join(sorted(ENTRY_FIELDS))
            raise MisuseError(
                Misuse.MALFORMED, f"unknown field {unknown[0]} of an entry; expected {known}"
            )
        stated = {
            key: value for key, value in entry.items() if key != "agent_id" and value is not None
        }
        return self._member(entry["agent_id"]), self._action(stated)

    def _action(self, stated: Mapping[str, Any]) -> Action:
        """Return an index where the entry names a discrete action and nothing else, or the event.

        Only an index finds its work when its turn has come, after others have acted.
        """
        if stated.keys() == {"action_index"}:
            index: Action = stated["action_index"]
            return index
        if stated.keys() == {"action_type"}:
            for action in self._session.actions:
                if action.name == stated["action_type"]:
                    return action.index
        if not stated:
            raise MisuseError(Misuse.MALFORMED, "an action has an action_type or an action_index")
        return dict(stated)

    def _member(self, agent_id: str) -> str:
        name = self._members.get(agent_id)
        if name is None:
            known = ", ".join(self._session.members)
            raise MisuseError(Misuse.UNKNOWN_AGENT, f"{agent_id!r} is nobody here; known: {known}")
        if name in self._opponents:
            raise MisuseError(Misuse.NOT_YOURS, f"{name} is an opponent, which plays by itself")
        return name

    def _require_running(self) -> None:
        if self.done:
            raise MisuseError(Misuse.EPISODE_OVER, "no step can be taken any more")

    def _require_free(self, name: str) -> None:
        if self._session.is_busy(name):
            raise MisuseError(Misuse.BUSY, f"{name} is on the way or at work, and can only wait")

    def _require_action(self, name: str, action: Action) -> None:
        complaint = not_an_action(action, len(self._session.actions))
        if complaint:
            raise MisuseError(Misuse.MALFORMED, f"{name}: {complaint}")


def _outcome(result: StepResult) -> dict[str, Any]:
    return {
        "status": result.status,
        "reason_code": result.blocked_reason_code,
        "detail": result.detail,
        "emits": list(result.emits),
    }
