"""An episode with a crew: the loop body that environments and benchmark runs share, without arrays.

A session drives the core engine and never re-implements a rule. In each step every member acts at
the step's start, in the crew's order, and then the clockwork runs to the step's end. An index
stands for the work that is there when the member's turn comes: two clerks who book in take two
tubes. Waiting (NOOP by index) is not an event; everything else is, also what the mask ruled out: it
is BLOCKED with a reason code, and logged.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from labtrust_core.canonical import encode_plain
from labtrust_core.engine.compiled import CompiledPolicy
from labtrust_core.engine.context import EpisodeConfig
from labtrust_core.engine.engine import Engine
from labtrust_core.errors import UnknownNameError, UsageError
from labtrust_core.event import StepResult
from labtrust_core.hospital_lab.lookup import LabContext
from labtrust_core.hospital_lab.tables import LabTables
from labtrust_core.hospital_lab.things import Agent
from labtrust_core.hospital_lab.views import agent_view
from labtrust_core.ledger.chain import Sink
from labtrust_core.trust.keys import TestKeyBinding, TestKeyring
from labtrust_core.trust.signatures import sign_event

from labtrust_env.action_forms import Action, index_of, stated_fields
from labtrust_env.actions import NOOP, action_table, fallback
from labtrust_env.intrusion import CLAIMS, Intrusion, Line, house_of, initial_tokens, key_bindings
from labtrust_env.readings import DeviceReading
from labtrust_env.rewards import open_specimens
from labtrust_env.situations import Answer, Situation, Situations, Vector
from labtrust_env.situations import Mask as Mask  # noqa: PLC0414 - callers find it here
from labtrust_env.verbs.proposal import Proposal, own_copy, unused


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """What a session runs.

    Attributes:
        crew: Name of a crew of policy.
        workload: Name of a workload profile of policy.
        horizon_s: Length of an episode in seconds of simulated time.
        arrivals_until_s: No specimen arrives after this; by default the horizon.
        dt_s: Length of a step in seconds.
        signed: Whether every event is signed (with derived test keys of the crew) and unsigned ones
            are refused.
        faults: Whether devices break down.
        scenario: Further parts of the initial state (specimens, tokens, …).
        ends_when_done: Whether an episode is over when no specimen is to come and none is left to
            release or reject.
        intrusion: Who of the crew intrudes, and with what (see ``labtrust_env.intrusion``).
    """

    crew: str
    workload: str | None
    horizon_s: int
    arrivals_until_s: int | None = None
    dt_s: int = 10
    signed: bool = False
    faults: bool = True
    scenario: Mapping[str, Any] = field(default_factory=dict)
    ends_when_done: bool = False
    intrusion: Intrusion | None = None


class Session:
    """One engine with a crew, reset for each episode.

    Attributes:
        members: Member name to the engine's agent id, in acting order.
        roles: Member name to the role that the member begins with.
        actions: The discrete actions by index.
        engine: The engine; its context is the running episode.
        steps: Steps taken in this episode.
        outcomes: Member name to the outcome of its last action; who waited is not in it.
    """

    def __init__(self, policy: CompiledPolicy, config: SessionConfig) -> None:
        """Prepare a session; ``reset`` starts an episode.

        Raises:
            UnknownNameError: Policy knows no such crew or workload.
            UsageError: A time is not positive.
        """
        tables: LabTables = policy.tables
        if config.crew not in tables.crews:
            raise UnknownNameError("crew", config.crew, tables.crews)
        if config.workload is not None and config.workload not in tables.workloads:
            raise UnknownNameError("workload", config.workload, tables.workloads)
        if config.dt_s < 1 or config.horizon_s < config.dt_s:
            raise UsageError(
                f"a step of {config.dt_s} s and a horizon of {config.horizon_s} s make no episode"
            )
        self.config = config
        self.engine = Engine(policy)
        crew = tables.crews[config.crew].members
        self.members = {name: member.agent_id for name, member in crew.items()}
        self.roles = {name: member.role for name, member in crew.items()}
        self.actions = action_table(tables)
        self.steps = 0
        self.outcomes: dict[str, StepResult] = {}
        self._keyring: TestKeyring | None = None
        self._line: Line | None = None
        if config.intrusion is not None:
            self._line = Line(house_of(tables, config.crew))
        self._shared: dict[str, Any] = {}
        self._answers: dict[str, Answer] = {}
        self._present: dict[str, Situation] = {}
        self._situations = Situations(policy, self.actions)

    @property
    def ctx(self) -> LabContext:
        """The running episode."""
        return self.engine.ctx

    @property
    def now(self) -> int:
        """Simulation time in seconds."""
        return self.engine.now

    @property
    def max_steps(self) -> int:
        """Steps of a whole episode."""
        return -(-self.config.horizon_s // self.config.dt_s)

    @property
    def done(self) -> bool:
        """Whether the horizon is reached, the ledger is frozen, or all work is done and counts."""
        return self.steps >= self.max_steps or self.ctx.trust.ledger_frozen or self.all_done

    @property
    def all_done(self) -> bool:
        """Whether the episode ends with the work, and nothing is to come or left."""
        if not self.config.ends_when_done or self.now < self._arrivals_until_s:
            return False
        return open_specimens(self.ctx.world) == 0

    @property
    def _arrivals_until_s(self) -> int:
        until = self.config.arrivals_until_s
        return self.config.horizon_s if until is None else until

    def reset(
        self,
        seed: int,
        *,
        episode: str | None = None,
        sink: Sink | None = None,
        scenario: Mapping[str, Any] | None = None,
    ) -> None:
        """Start an episode that ``seed`` fixes in every respect.

        Args:
            seed: Any integer from 0 to 2^53-1.
            episode: Episode id, which signatures cover.
            sink: Takes the ledger's lines.
            scenario: Parts of the initial state of this episode; they come before those of the
                configuration.

        Raises:
            ScenarioError: The initial state does not fit.
        """
        stated = self.config
        keys = self.engine.policy.keys
        self._keyring = self._ring(seed)
        if self._keyring is not None:
            keys = keys.extended(self._keyring.keys)
        config = EpisodeConfig(
            episode=f"{stated.crew}-{seed}" if episode is None else episode,
            seed=seed,
            simulated=True,
            signatures_required=stated.signed,
        )
        initial = {
            "crew": stated.crew,
            "workload": stated.workload,
            "arrivals_until_s": self._arrivals_until_s,
            "faults": stated.faults,
            **stated.scenario,
            **(scenario or {}),
        }
        if self._line is not None and stated.intrusion is not None:
            self._line.sent.clear()
            tokens = initial_tokens(
                stated.intrusion.tokens, self.members, self.engine.policy.tables
            )
            initial["tokens"] = [*initial.get("tokens", ()), *tokens]
        self.engine.reset(initial, config, keys=keys, sink=sink)
        self.steps = 0
        self.outcomes = {}
        self._look_anew()
        self._situations.begin(encode_plain(initial))

    def _ring(self, seed: int) -> TestKeyring | None:
        if not self.config.signed:
            return None
        bindings = {
            f"ed25519:{agent}": TestKeyBinding(agent_id=agent, role_id=self.roles[name])
            for name, agent in self.members.items()
        }
        if self.config.intrusion is not None:
            bindings |= key_bindings(self.config.intrusion.keys, self.members, self.roles)
        return TestKeyring(bindings, seed)

    def view(self, name: str) -> dict[str, Any]:
        """Return what a member sees, and ``legal``: its legal actions' names with their indices.

        For the rest of it see ``labtrust_core.hospital_lab.views``.

        Raises:
            UnknownNameError: The crew has no such member.
        """
        seen = agent_view(self.ctx, self._agent_id(name), self._shared)
        seen["legal"] = {self.actions[index].name: index for index in self.legal(name)}
        if self._line is not None and self._intrudes(name):
            seen["house"] = self._line.house
            seen["wire"] = {
                "episode": self.ctx.config.episode,
                "head": self.engine.head,
                "sent": tuple(self._line.sent),
            }
        return seen

    def _intrudes(self, name: str) -> bool:
        return self.config.intrusion is not None and name in self.config.intrusion.members

    def legal(self, name: str) -> tuple[int, ...]:
        """Return the indices that a member can do now, in rising order; NOOP is always in it.

        Each of them is ACCEPTED when nobody else acts in the step before the member.

        Raises:
            UnknownNameError: The crew has no such member.
        """
        return tuple(self.proposals(name))

    def proposals(self, name: str) -> Mapping[int, Proposal]:
        """Return what each index that a member can do now would become; not to be changed.

        Raises:
            UnknownNameError: The crew has no such member.
        """
        return self._answer(name).proposals

    def mask(self, name: str) -> Mask:
        """Return a new vector: 1 for each index that a member can do now.

        Raises:
            UnknownNameError: The crew has no such member.
        """
        return self._answer(name).mask.copy()

    def masks(self) -> Mask:
        """Return a new matrix: the mask of each member, a row each, in the crew's order."""
        answer = self._answer
        rows = [answer(name).mask for name in self.members]
        return np.concatenate(rows).reshape(len(rows), -1)

    def is_busy(self, name: str) -> bool:
        """Whether a member is on the way or at work, so that it can only wait or TICK.

        Raises:
            UnknownNameError: The crew has no such member.
        """
        return bool(self.ctx.world.agents[self._agent_id(name)].busy_until > self.now)

    def row(self, name: str, make: Callable[[Agent], Vector]) -> Vector:
        """Return the part of a member's observation that is kept, or made by ``make``.

        It is not to be changed; ``labtrust_env.situations`` says what ``make`` may read.

        Raises:
            UnknownNameError: The crew has no such member.
        """
        situation = self._situation(name)
        if situation.row is None:
            agent = self.engine.ctx.world.agents[self.members[name]]
            return self._situations.row(situation, agent, make)
        return situation.row

    def readings(self) -> list[DeviceReading]:
        """Return what the devices show now."""
        return self._situations.readings(self.ctx)

    def _situation(self, name: str) -> Situation:
        """Return the situation in which a member is, looked up once a state."""
        found = self._present.get(name)
        if found is None:
            ctx, agent_id = self.engine.ctx, self._agent_id(name)
            role_id = ctx.trust.roster.get(agent_id)
            found = self._situations.of(ctx, ctx.world.agents[agent_id], role_id)
            self._present[name] = found
        return found

    def _answer(self, name: str) -> Answer:
        found = self._answers.get(name)
        if found is None:
            ctx, situation = self.engine.ctx, self._situation(name)
            if self._keyring is not None and situation.reads.role_id != self.roles[name]:
                found = self._situations.nothing  # its key is bound to the role it began with
            else:
                agent = ctx.world.agents[self.members[name]]
                found = self._situations.answer(ctx, agent, situation)
            self._answers[name] = found
        return found

    def step(self, actions: Mapping[str, Action]) -> list[StepResult]:
        """Let every member act, then let time pass.

        Members that are not named wait. Returns all outcomes in order, those of the clockwork
        included.

        Raises:
            UnknownNameError: An action is for nobody in the crew.
            UsageError: The episode is over, or an action is neither an index nor a mapping of the
                documented fields.
        """
        if self.done:
            raise UsageError("the episode is over; reset starts another")
        for name in actions.keys() - self.members.keys():
            raise UnknownNameError("crew member", name, self.members)
        events = {
            name: self._event(name, actions[name]) for name in self.members if name in actions
        }
        self.outcomes = {}
        for name, event in events.items():
            if event is not None:
                by_index = bool(self.outcomes) and not isinstance(actions[name], Mapping)
                current = self._current(name, actions[name], event) if by_index else event
                self.outcomes[name] = self._submit(name, current)
        results = list(self.outcomes.values())
        self.steps += 1
        results += self.engine.advance(min(self.steps * self.config.dt_s, self.config.horizon_s))
        self._situations.moved(results, self.engine.chain.events)
        self._look_anew()
        return results

    def snapshot(self) -> bytes:
        """Return the whole episode as bytes, for ``restore`` of a session with this configuration.

        Raises:
            LedgerError: The episode writes a log, which cannot be in two states.
        """
        sent = None if self._line is None else self._line.sent
        return pickle.dumps((self.engine.snapshot(), self.steps, self.outcomes, sent))

    def restore(self, snapshot: bytes) -> None:
        """Bring back what ``snapshot`` returned.

        Only bytes that this process's user made are safe to restore.
        """
        episode, self.steps, self.outcomes, sent = pickle.loads(snapshot)  # noqa: S301 - own bytes
        if self._line is not None:
            self._line.sent = sent
        self.engine.restore(episode)
        self._keyring = self._ring(self.ctx.config.seed)
        self.forget()

    def forget(self) -> None:
        """Read everything anew; for those who have changed the world by hand."""
        self._look_anew()
        self._situations.forget()
        self.ctx.kept.clear()
        self.ctx.scratch.clear()

    def _look_anew(self) -> None:
        """Forget what was looked up in the last state."""
        self._shared = {}
        self._answers = {}
        self._present = {}

    def _event(self, name: str, action: Action) -> dict[str, Any] | None:
        """Return the event of an action, or ``None`` for waiting."""
        if isinstance(action, Mapping):
            return self._event_of_mapping(name, action)
        index = index_of(name, action, len(self.actions))
        if index == NOOP:
            return None
        action_type, args = self._resolve(name, index)
        return self._complete(name, {"action_type": action_type, "args": args})

    def _event_of_mapping(self, name: str, action: Mapping[str, Any]) -> dict[str, Any] | None:
        stated = stated_fields(name, action, CLAIMS if self._intrudes(name) else frozenset())
        if action.get("action_type") is not None:
            return self._complete(name, {**stated, "action_type": action["action_type"]})
        index = index_of(name, action.get("action_index", NOOP), len(self.actions))
        if index == NOOP:
            return None
        action_type, args = self._resolve(name, index)
        own = stated.get("args")
        if isinstance(own, Mapping):
            stated["args"] = {**args, **own}
        return self._complete(name, {"action_type": action_type, "args": args, **stated})

    def _resolve(self, name: str, index: int) -> Proposal:
        proposal = self.proposals(name).get(index)
        if proposal is not None:
            return own_copy(proposal)
        agent = self.ctx.world.agents[self._agent_id(name)]
        return fallback(self.ctx, self.actions[index], agent)

    def _current(self, name: str, action: object, event: dict[str, Any]) -> dict[str, Any]:
        """Return the event of an index as it is after others have acted in the step.

        Where nothing is left to do it stays as it was, and is refused.
        """
        chosen = self.actions[index_of(name, action, len(self.actions))]
        agent = self.ctx.world.agents[event["agent_id"]]
        proposal = chosen.propose(self.ctx, agent, chosen.target)
        if proposal is None:
            return event
        action_type, args = proposal
        return {**event, "action_type": action_type, "args": args}

    def _complete(self, name: str, stated: dict[str, Any]) -> dict[str, Any]:
        event_id = unused(f"{name}-{self.steps}", self.ctx.trust.seen)
        return {"event_id": event_id, "t_s": self.now, "agent_id": self.members[name], **stated}

    def _submit(self, name: str, event: dict[str, Any]) -> StepResult:
        own = event["agent_id"] == self.members[name]
        if self._keyring is not None and own and "signature" not in event:
            key_id = event.get("key_id") or f"ed25519:{event['agent_id']}"
            private = self._keyring.private.get(key_id)
            if private is not None:
                event = sign_event(
                    event,
                    key_id=key_id,
                    private=private,
                    episode=self.ctx.config.episode,
                    head=self.engine.head,
                )
        result = self.engine.step(event)
        if self._line is not None and result.accepted:
            self._line.sent.append(event)
        return result

    def _agent_id(self, name: str) -> str:
        try:
            return self.members[name]
        except KeyError:
            raise UnknownNameError("crew member", name, self.members) from None
