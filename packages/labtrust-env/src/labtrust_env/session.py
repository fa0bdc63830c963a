"""An episode with a crew: the loop body that environments and benchmark runs share, without arrays.

A session drives the core engine and never re-implements a rule. In each step every member acts at the step's start, in the
crew's order, and then the clockwork runs to the step's end. Waiting (NOOP by index) is not an event; everything else is, also
what the mask ruled out: it is BLOCKED with a reason code, and logged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from labtrust_core.engine.compiled import CompiledPolicy
from labtrust_core.engine.context import AnyContext, EpisodeConfig
from labtrust_core.engine.engine import Engine
from labtrust_core.errors import UnknownNameError, UsageError
from labtrust_core.event import StepResult
from labtrust_core.hospital_lab.tables import LabTables
from labtrust_core.hospital_lab.views import agent_view
from labtrust_core.ledger.chain import Sink
from labtrust_core.trust.keys import TestKeyBinding, TestKeyring
from labtrust_core.trust.signatures import sign_event
from labtrust_env.actions import ActionDef, action_table, fallback

Action = int | Mapping[str, Any]
"""An index of the action table, or a mapping: ``action_index`` or ``action_type``, and any other field of an event."""

_EVENT_FIELDS = frozenset(
    {"args", "event_id", "head", "key_id", "rationale", "reason_code", "signature", "token_refs", "tool_id"}
)
_ACTION_FIELDS = _EVENT_FIELDS | {"action_index", "action_type"}


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """What a session runs.

    Attributes:
        crew: Name of a crew of policy.
        workload: Name of a workload profile of policy.
        horizon_s: Length of an episode in seconds of simulated time.
        arrivals_until_s: No specimen arrives after this; by default the horizon.
        dt_s: Length of a step in seconds.
        signed: Whether every event is signed (with derived test keys of the crew) and unsigned ones are refused.
        faults: Whether devices break down.
        scenario: Further parts of the initial state (specimens, tokens, …).
    """

    crew: str
    workload: str | None
    horizon_s: int
    arrivals_until_s: int | None = None
    dt_s: int = 10
    signed: bool = False
    faults: bool = True
    scenario: Mapping[str, Any] = field(default_factory=dict)


class Session:
    """One engine with a crew, reset for each episode.

    Attributes:
        members: Member name to the engine's agent id, in acting order.
        actions: The discrete actions by index.
        engine: The engine; its context is the running episode.
        steps: Steps taken in this episode.
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
            raise UsageError(f"a step of {config.dt_s} s and a horizon of {config.horizon_s} s make no episode")
        self.config = config
        self.engine = Engine(policy)
        crew = tables.crews[config.crew].members
        self.members = {name: member.agent_id for name, member in crew.items()}
        self._roles = {member.agent_id: member.role for member in crew.values()}
        self.actions = action_table(tables)
        self._permitted = {
            name: self._permitted_actions(policy.roles.roles[crew[name].role].actions) for name in self.members
        }
        self._scenario = {
            **config.scenario,
            "crew": config.crew,
            "workload": config.workload,
            "arrivals_until_s": config.horizon_s if config.arrivals_until_s is None else config.arrivals_until_s,
            "faults": config.faults,
        }
        self._keyring: TestKeyring | None = None
        self._shared: dict[str, Any] = {}
        self._proposals: dict[str, dict[int, tuple[str, dict[str, Any]]]] = {}
        self.steps = 0

    def _permitted_actions(self, allowed: frozenset[str]) -> tuple[ActionDef, ...]:
        return tuple(action for action in self.actions if action.action_type in allowed)

    @property
    def ctx(self) -> AnyContext:
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
        """Whether the horizon is reached or the ledger is frozen."""
        return self.steps >= self.max_steps or self.ctx.trust.ledger_frozen

    def reset(self, seed: int, *, episode: str | None = None, sink: Sink | None = None) -> None:
        """Start an episode that ``seed`` fixes in every respect.

        Args:
            seed: Any integer from 0 to 2^64-1.
            episode: Episode id, which signatures cover.
            sink: Takes the ledger's lines.
        """
        keys = self.engine.policy.keys
        if self.config.signed:
            bindings = {f"ed25519:{agent}": TestKeyBinding(agent_id=agent, role_id=role) for agent, role in self._roles.items()}
            self._keyring = TestKeyring(bindings, seed)
            keys = keys.extended(self._keyring.keys)
        config = EpisodeConfig(
            episode=f"{self.config.crew}-{seed}" if episode is None else episode,
            seed=seed,
            simulated=True,
            signatures_required=self.config.signed,
        )
        self.engine.reset(self._scenario, config, keys=keys, sink=sink)
        self.steps = 0
        self._forget()

    def view(self, name: str) -> dict[str, Any]:
        """Return what a member sees (see ``labtrust_core.hospital_lab.views``), and ``legal``: action name to index.

        Raises:
            UnknownNameError: The crew has no such member.
        """
        seen = agent_view(self.ctx, self._agent_id(name), self._shared)
        seen["legal"] = {self.actions[index].name: index for index in self.legal(name)}
        return seen

    def legal(self, name: str) -> tuple[int, ...]:
        """Return the indices that a member can do now, in rising order; NOOP is always among them."""
        return tuple(self._proposed(name))

    def is_busy(self, name: str) -> bool:
        """Whether a member is on the way or at work on something, so that it can only wait."""
        return bool(self.ctx.world.agents[self._agent_id(name)].busy_until > self.now)

    def _proposed(self, name: str) -> dict[int, tuple[str, dict[str, Any]]]:
        found = self._proposals.get(name)
        if found is None:
            found = self._proposals[name] = self._propose(name)
        return found

    def _propose(self, name: str) -> dict[int, tuple[str, dict[str, Any]]]:
        ctx = self.ctx
        agent_id = self._agent_id(name)
        agent = ctx.world.agents[agent_id]
        containment = ctx.trust.containment
        stopped = max(containment.throttled.get(agent_id, 0), containment.killed.get(agent_id, 0))
        if max(agent.busy_until, stopped) > self.now or ctx.trust.ledger_frozen:
            return {0: ("NOOP", {})}
        found = {}
        for action in self._permitted[name]:
            proposal = action.propose(ctx, agent, action.target)
            if proposal is not None:
                found[action.index] = proposal
        return found

    def step(self, actions: Mapping[str, Action]) -> list[StepResult]:
        """Let every member act, then let time pass; return all outcomes in order, those of the clockwork included.

        Members that are not named wait.

        Raises:
            UnknownNameError: An action is for nobody in the crew.
            UsageError: The episode is over, or an action is neither an index nor a mapping of the documented fields.
        """
        if self.done:
            raise UsageError("the episode is over; reset starts another")
        for name in actions.keys() - self.members.keys():
            raise UnknownNameError("crew member", name, self.members)
        events = [self._event(name, actions[name]) for name in self.members if name in actions]
        results = [self._submit(event) for event in events if event is not None]
        self.steps += 1
        results += self.engine.advance(min(self.steps * self.config.dt_s, self.config.horizon_s))
        self._forget()
        return results

    def _forget(self) -> None:
        self._shared = {}
        self._proposals = {}

    def _event(self, name: str, action: Action) -> dict[str, Any] | None:
        """Return the event of an action, or ``None`` for waiting."""
        if isinstance(action, Mapping):
            return self._event_of_mapping(name, action)
        if not 0 <= action < len(self.actions):
            raise UsageError(f"{name}: action {action} lies outside 0..{len(self.actions) - 1}")
        if action == 0:
            return None
        action_type, args = self._resolve(name, int(action))
        return self._complete(name, {"action_type": action_type, "args": args})

    def _event_of_mapping(self, name: str, action: Mapping[str, Any]) -> dict[str, Any] | None:
        unknown = sorted(action.keys() - _ACTION_FIELDS)
        if unknown:
            raise UsageError(f"{name}: unknown field {unknown[0]} in an action; expected {', '.join(sorted(_ACTION_FIELDS))}")
        stated = {key: value for key, value in action.items() if key in _EVENT_FIELDS and value is not None}
        if action.get("action_type") is not None:
            return self._complete(name, {**stated, "action_type": action["action_type"]})
        index = action.get("action_index", 0)
        if not isinstance(index, int) or not 0 <= index < len(self.actions):
            raise UsageError(f"{name}: action_index {index!r} lies outside 0..{len(self.actions) - 1}")
        if index == 0:
            return None
        action_type, args = self._resolve(name, index)
        return self._complete(name, {"action_type": action_type, **stated, "args": {**args, **stated.get("args", {})}})

    def _resolve(self, name: str, index: int) -> tuple[str, dict[str, Any]]:
        proposal = self._proposed(name).get(index)
        return fallback(self.actions[index], self.ctx.world.agents[self._agent_id(name)]) if proposal is None else proposal

    def _complete(self, name: str, stated: dict[str, Any]) -> dict[str, Any]:
        return {"event_id": f"{name}-{self.steps}", "t_s": self.now, "agent_id": self.members[name], **stated}

    def _submit(self, event: dict[str, Any]) -> StepResult:
        if self._keyring is not None and "signature" not in event:
            key_id = event.get("key_id") or f"ed25519:{event['agent_id']}"
            private = self._keyring.private.get(key_id)
            if private is not None:
                event = sign_event(
                    event, key_id=key_id, private=private, episode=self.ctx.config.episode, head=self.engine.head
                )
        return self.engine.step(event)

    def _agent_id(self, name: str) -> str:
        try:
            return self.members[name]
        except KeyError:
            raise UnknownNameError("crew member", name, self.members) from None
