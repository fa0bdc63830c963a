"""The kernel: it owns the sequence of a step, and nothing else.

    event -> gates -> guards -> handler -> invariants -> enforcement -> ledger -> result

Every event, accepted, blocked or malformed, becomes exactly one ledger record. A blocked event
changes nothing else.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import msgspec

from labtrust_core import __version__
from labtrust_core.canonical import canonical_bytes, embed, encode_plain, sha256_hex
from labtrust_core.engine.compiled import CompiledAction, CompiledPolicy
from labtrust_core.engine.context import AnyContext, Context, EpisodeConfig
from labtrust_core.engine.gates import GATES, Gate
from labtrust_core.engine.queries import answer
from labtrust_core.engine.scenario import trust_state
from labtrust_core.errors import UsageError
from labtrust_core.event import (
    ACCEPTED,
    BLOCKED,
    MAX_DETAIL,
    MAX_INT,
    SYSTEM_AGENT,
    Blocked,
    Event,
    MalformedEventError,
    Origin,
    StepResult,
    Violation,
    parse_event,
)
from labtrust_core.ledger.chain import Chain, Sink
from labtrust_core.ledger.record import EndReason
from labtrust_core.sanitise import VALUE, sanitise
from labtrust_core.trust.capabilities import count_usage
from labtrust_core.trust.enforcement import ENFORCEMENT_ACTIONS, reactions
from labtrust_core.trust.invariants import after_accepted, after_blocked
from labtrust_core.trust.keys import KeyRegistry
from labtrust_core.trust.signatures import signer_of
from labtrust_core.trust.tokens import lifting_token

_MAX_SCENARIO: Final = 32 * 1024  # bytes that leave room for the rest of the start record


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The outcome of a step as the ledger keeps it.

    The fields stand in alphabetical order, so that encoding is canonical.
    """

    data: dict[str, Any] | msgspec.Raw = {}
    detail: str | None = None
    emits: list[str] = []
    evaluated: tuple[str, ...] = ()
    reason: str | None = None
    role: str | None = None
    status: str
    tokens_consumed: tuple[str, ...] = ()
    violations: tuple[Violation, ...] = ()


class Engine:
    """Runs episodes of one compiled policy. Not thread-safe; make one engine a thread.

    Attributes:
        policy: The compiled policy.
        ctx: The running episode; there is none before the first reset.
        chain: Its hash chain.
        gates: The gates by origin, in their order.
    """

    gates: ClassVar[Mapping[Origin, tuple[Gate, ...]]] = GATES
    ctx: AnyContext
    chain: Chain

    def __init__(self, policy: CompiledPolicy) -> None:
        self.policy = policy

    def reset(
        self,
        scenario: Mapping[str, Any],
        config: EpisodeConfig,
        *,
        keys: KeyRegistry | None = None,
        sink: Sink | None = None,
    ) -> None:
        """Start an episode.

        Args:
            scenario: Initial state: the trust part (agents' tokens, ``enforcement``…) and the
                domain's part.
            config: Seed, time mode and the rest of what the start record states.
            keys: Key registry of the episode; by default the policy's own.
            sink: Takes each canonical ledger line, without LF, as it is made.

        Raises:
            ScenarioError: The scenario does not fit.
        """
        keys = self.policy.keys if keys is None else keys
        domain = self.policy.domain
        world = domain.new_world(self.policy.tables, scenario, config)
        trust = trust_state(self.policy, scenario, domain.agents(world))
        self.chain = Chain(sink)
        self.ctx = Context(self.policy, self.policy.tables, world, trust, (config, keys))
        initial = canonical_bytes(dict(scenario))
        start = {
            "config": msgspec.to_builtins(config),
            "domain": domain.name,
            "engine": __version__,
            "keys": keys.stated,
            "keys_digest": keys.digest,
            "partner": self.policy.partner,
            "policy_fingerprint": self.policy.fingerprint,
            "roster": dict(trust.roster),
            "scenario": dict(scenario) if len(initial) <= _MAX_SCENARIO else None,
            "scenario_digest": sha256_hex(initial),
            "world": domain.digest(world),
        }
        self._mark(self.chain.start(0, start))
        self._system_events = 0

    @property
    def now(self) -> int:
        """Simulation time in seconds."""
        return self.ctx.trust.now

    @property
    def head(self) -> str:
        """The ledger head (hex), which a signature must name."""
        return self.chain.head

    def step(self, raw: object) -> StepResult:
        """Take an agent's event and return its outcome; never raises for what it holds."""
        try:
            event, line = parse_event(raw)
        except MalformedEventError as error:
            return self.record_malformed(raw, str(error))
        return self._run(event, "agent", line)

    def advance(self, until_s: int) -> list[StepResult]:
        """Let everything happen that is due until ``until_s`` (included); set the clock to it.

        Raises:
            UsageError: The episode is not in simulated time, or time would run backwards.
        """
        ctx = self.ctx
        if not ctx.config.simulated:
            raise UsageError("only an episode in simulated time has a clockwork")
        if not ctx.trust.now <= until_s <= MAX_INT:
            raise UsageError(
                f"the clock stands at {ctx.trust.now} s and cannot be set to {until_s} s"
            )
        results: list[StepResult] = []
        while not ctx.trust.ledger_frozen:
            due = self.policy.domain.due(ctx, until_s)
            if due is None:
                break
            ctx.trust.now = due.t_s
            results.append(self._run_system(due.action_type, due.args, "clockwork"))
        ctx.trust.now = ctx.now = until_s  # who looks around between events sees this moment
        return results

    def query(self, expression: str) -> Any:  # noqa: ANN401 - an answer of any type
        """Answer a question about the episode; see ``labtrust_core.engine.queries``.

        Raises:
            UsageError: The expression is not a question that the engine or the domain knows.
        """
        return answer(self.ctx, self.chain, expression)

    def digest(self) -> str:
        """Return the SHA-256 (hex) of the world and of the trust state that events may change."""
        world = self.policy.domain.digest(self.ctx.world)
        return canonical_digest(world, self.ctx.trust.digest())

    def finish(self, reason: EndReason = "completed") -> str:
        """Write the end record and return the last head; the episode takes no more events."""
        return self.chain.end(self.now, reason, self.policy.domain.digest(self.ctx.world))

    def snapshot(self) -> bytes:
        """Return the whole episode as bytes, for ``restore`` in this or another process.

        Raises:
            LedgerError: The episode writes a log, which cannot be in two states.
        """
        ctx = self.ctx
        return pickle.dumps(
            (ctx.world, ctx.trust, ctx.config, ctx.keys, self.chain, self._system_events)
        )

    def restore(self, snapshot: bytes) -> None:
        """Bring back what ``snapshot`` returned.

        Only bytes that this process's user made are safe to restore.
        """
        world, trust, config, keys, self.chain, self._system_events = pickle.loads(snapshot)  # noqa: S301 - own bytes
        self.ctx = Context(self.policy, self.policy.tables, world, trust, (config, keys))

    def _run(self, event: Event, origin: Origin, line: bytes) -> StepResult:
        ctx = self.ctx
        actions = self.policy.actions if origin == "agent" else self.policy.system_actions
        action = actions.get(event.action_type)
        ctx.begin(event.t_s)
        try:
            for gate in self.gates[origin]:
                gate(ctx, event, action)
            outcome = self._accepted(event, origin, self._perform(event, action))
        except Blocked as blocked:
            outcome = self._blocked(event, blocked)
        return self._append(event, origin, line, outcome)

    def _perform(self, event: Event, action: CompiledAction | None) -> CompiledAction:
        ctx = self.ctx
        if action is None:
            raise Blocked("RBAC_ACTION_DENY", f"{event.action_type} is not an action")
        for guard in action.guards:
            try:
                guard(ctx, event)
            except Blocked as blocked:
                token = lifting_token(blocked, ctx.presented, self.policy.tokens, event.agent_id)
                if token is None:
                    raise
                ctx.consume((token,))
        action.handler(ctx, event)
        return action

    def _accepted(self, event: Event, origin: Origin, action: CompiledAction) -> Outcome:
        """Book an accepted step: tokens, usage, the agent's time, invariants."""
        ctx = self.ctx
        consumed: tuple[str, ...] = ()
        if ctx.lifting:
            for token in ctx.lifting:
                token.state = "CONSUMED"
            consumed = tuple(token.token_id for token in ctx.lifting)
            ctx.emit("CONSUME_TOKEN")
        if origin == "agent":
            count_usage(self.policy.capabilities, ctx.trust.usage, event)
            self.policy.domain.settle(ctx, event, action.handling_s)
        credentials = event.token_refs or event.key_id or ctx.config.signatures_required
        evaluated, violations = after_accepted(
            action.invariants if credentials else action.bare_invariants, ctx, event
        )
        return Outcome(
            data=embed(ctx.data) if ctx.data else ctx.data,  # type: ignore[arg-type]  # a dict, or its finished bytes
            emits=ctx.emits,
            evaluated=evaluated,
            role=None if ctx.role is None else ctx.role.role_id,
            status=ACCEPTED,
            tokens_consumed=consumed,
            violations=violations,
        )

    def _blocked(self, event: Event, blocked: Blocked) -> Outcome:
        """Note a refusal: nothing changes."""
        ctx = self.ctx
        evaluated, violations = after_blocked(self.policy.invariants, blocked, event)
        ctx.data = {}
        return Outcome(
            detail=blocked.detail,
            evaluated=evaluated,
            reason=blocked.code,
            role=None if ctx.role is None else ctx.role.role_id,
            status=BLOCKED,
            violations=violations,
        )

    def _append(self, event: Event, origin: Origin, line: bytes, outcome: Outcome) -> StepResult:
        """Write the step's record, and let enforcement answer its violations."""
        ctx = self.ctx
        trust = ctx.trust
        if not ctx.config.simulated:
            trust.now = max(trust.now, event.t_s)
        trust.seen.add(event.event_id)
        if event.event_id == ctx.config.break_chain_on:
            trust.tail = "0" * 64
        intact = trust.tail == self.chain.head or trust.ledger_frozen
        if not intact:
            outcome.emits.append("FORENSIC_FREEZE_LOG")
            trust.last_system_code = "AUDIT_CHAIN_BROKEN"
        self._mark(
            self.chain.event(
                trust.now,
                origin,
                msgspec.Raw(line),
                outcome,  # type: ignore[arg-type]  # a struct encodes like a dict
            )
        )
        trust.ledger_frozen = trust.ledger_frozen or not intact
        followed = self._enforce(event, origin, outcome) if outcome.violations else ((), ())
        return self._result(event, origin, outcome, followed)

    def _enforce(
        self, event: Event, origin: Origin, outcome: Outcome
    ) -> tuple[tuple[dict[str, Any], ...], tuple[StepResult, ...]]:
        """Let enforcement answer the violations of a step; each action is an event of its own.

        Where events are signed, one whose signature was refused or not yet looked at is charged to
        whoever holds the key that made it, never to the agent that it merely claims to be from.
        """
        agent_id: str | None = event.agent_id
        config = self.ctx.config
        unproven = origin == "agent" and config.signatures_required and not self.ctx.signed
        if unproven or (outcome.reason or "").startswith("SIG_"):
            agent_id = signer_of(event, self.ctx.keys, config.episode)
        if agent_id is None or not self.policy.enforcement:
            return (), ()
        due = reactions(
            self.policy.enforcement,
            self.policy.scopes,
            agent_id,
            outcome.violations,
            self.ctx.trust.containment,
        )
        ctx = self.ctx
        kept = (ctx.data, ctx.emits, ctx.role)
        results = tuple(
            self._run_system(ENFORCEMENT_ACTIONS[item["type"]], item, "enforcement") for item in due
        )
        ctx.data, ctx.emits, ctx.role = kept
        return tuple(due), results

    def _run_system(self, action_type: str, args: dict[str, Any], origin: Origin) -> StepResult:
        self._system_events += 1
        while (event_id := f"sys-{self._system_events}") in self.ctx.trust.seen:
            self._system_events += 1  # an agent has used that id
        event = Event(
            event_id=event_id,
            t_s=self.ctx.trust.now,
            agent_id=SYSTEM_AGENT,
            action_type=action_type,
            args=args,
        )
        return self._run(event, origin, encode_plain(event))

    def record_malformed(self, raw: object, complaint: str) -> StepResult:
        """Record that what came was no event, and why; replay says so of what it cannot see.

        Args:
            raw: What came, or what the ledger kept of it.
            complaint: What is wrong with it.
        """
        ctx = self.ctx
        ctx.begin(ctx.trust.now)
        code = "AUDIT_CHAIN_BROKEN" if ctx.trust.ledger_frozen else "RC_EVENT_MALFORMED"
        detail = complaint[:MAX_DETAIL].encode(errors="replace").decode()
        outcome = Outcome(detail=detail, reason=code, status=BLOCKED)
        body = sanitise(raw)
        record = body if isinstance(body, dict) else {VALUE: body}
        self._mark(
            self.chain.event(
                ctx.trust.now,
                "agent",
                embed(record),  # type: ignore[arg-type]  # a dict, or its finished bytes
                msgspec.Raw(canonical_bytes(msgspec.to_builtins(outcome))),
            )
        )
        return self._result(None, "agent", outcome, ((), ()))

    def _mark(self, head: str) -> None:
        trust = self.ctx.trust
        trust.tail = head
        trust.recent_heads.append(head)

    def _result(
        self,
        event: Event | None,
        origin: Origin,
        outcome: Outcome,
        followed: tuple[tuple[dict[str, Any], ...], tuple[StepResult, ...]],
    ) -> StepResult:
        return StepResult(
            event=event,
            status=outcome.status,  # type: ignore[arg-type] # one of the two constants
            origin=origin,
            blocked_reason_code=outcome.reason,
            detail=outcome.detail,
            role_id=outcome.role,
            emits=tuple(outcome.emits),
            violations=outcome.violations,
            evaluated=outcome.evaluated,
            token_consumed=outcome.tokens_consumed,
            data=self.ctx.data,
            head_hash=self.chain.head,
            length=self.chain.length,
            enforcements=followed[0],
            system_results=followed[1],
        )


def canonical_digest(*digests: str) -> str:
    """Return one SHA-256 (hex) over several."""
    return sha256_hex("\n".join(digests).encode())
