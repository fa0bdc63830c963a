"""What the rules of level L2 need to remember of a ledger: tokens, containment, use, results.

Everything is what the accepted records so far have left; nothing is taken from the engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from labtrust_core.event import Event
from labtrust_core.policy.model import TokenType
from labtrust_core.trust.capabilities import Usage, compile_capabilities, count_usage
from labtrust_core.trust.enforcement import FOREVER, Containment, compile_enforcement
from labtrust_core.trust.roles import RoleTable, compile_roles

from labtrust_export.start import Start
from labtrust_export.verify.agents import AgentSignatures
from labtrust_export.verify.policy import TrustDocuments
from labtrust_export.verify.records import Step

FREEZE: Final = "FORENSIC_FREEZE_LOG"


@dataclass(slots=True)
class KnownToken:
    """A token that the scenario or an accepted minting brought; times in seconds."""

    kind: TokenType
    issued_at_s: int
    expires_at_s: int
    state: Literal["ACTIVE", "CONSUMED", "REVOKED"] = "ACTIVE"


class RuleTables:
    """What policy says, arranged for the rules.

    Attributes:
        refusals: (action, reason code) to the invariants that such a refusal must name.
    """

    def __init__(self, policy: TrustDocuments) -> None:
        self.policy = policy
        self.roles = compile_roles(policy.rbac)
        self.capabilities = compile_capabilities(policy.capabilities)
        self.enforcement = compile_enforcement(policy.enforcement)
        self.scopes: dict[str, str] = {
            name: entry.scope for name, entry in policy.invariants.invariants.items()
        }
        self.refusals: dict[tuple[str, str], list[str]] = {}
        for name, entry in policy.invariants.invariants.items():
            every = "*" in entry.triggers
            for action in policy.workflow.actions if every else entry.triggers:
                if entry.reason_code is not None:
                    self.refusals.setdefault((action, entry.reason_code), []).append(name)


class RuleState:
    """The state that the accepted records so far have left.

    Attributes:
        start: What the start record states.
        tables: The policy.
        signatures: Roster and signatures; shared with level L1.
        t: Time of the record before.
        frozen: Whether the ledger is frozen.
        seen: Ids of all events so far.
        whole: Whether the initial state is known, so that what is not known does not exist.
    """

    def __init__(self, start: Start, policy: TrustDocuments, signatures: AgentSignatures) -> None:
        self.start = start
        self.tables = RuleTables(policy)
        self.signatures = signatures
        self.t = 0
        self.frozen = False
        self.seen: set[str] = set()
        self.containment = Containment()
        self.usage: dict[str, Usage] = {}
        self.whole = start.scenario is not None
        self.tokens: dict[str, KnownToken] = {}
        for item in stated(start.scenario, "tokens"):
            self._bring_token(item)

    def role_of(self, agent_id: str) -> RoleTable | None:
        """Return the role that an agent holds now, if policy defines it."""
        return self.tables.roles.roles.get(self.signatures.roster.get(agent_id, ""))

    def take(self, step: Step) -> None:
        """Book a record that broke no rule."""
        self.t = step.record.t
        if FREEZE in step.outcome.emits:
            self.frozen = True
        event = step.event
        if event is None:
            return
        self.seen.add(event.event_id)
        if not step.accepted:
            return
        if step.by_agent:
            count_usage(self.tables.capabilities, self.usage, event)
        booking = _BOOKINGS.get(event.action_type)
        if booking is not None:
            booking(self, step, event)
        for token_id in step.outcome.tokens_consumed:
            if token_id in self.tokens:
                self.tokens[token_id].state = "CONSUMED"

    def mint(self, step: Step, event: Event) -> None:
        """Book a minted token."""
        kind = self.tables.policy.tokens.types.get(event.text("token_type"))
        token_id = step.outcome.data.get("token_id")
        if kind is not None and isinstance(token_id, str):
            self.tokens[token_id] = KnownToken(kind, event.t_s, event.t_s + kind.ttl_s)

    def revoke(self, _step: Step, event: Event) -> None:
        """Book a revoked token."""
        token = self.tokens.get(event.text("token_id"))
        if token is not None:
            token.state = "REVOKED"

    def contain(self, step: Step, event: Event) -> None:
        """Book that enforcement stops an agent; what it stops else is the domain's."""
        if step.record.origin != "enforcement":
            return
        stores = {
            "KILL_SWITCH_AGENT": self.containment.killed,
            "THROTTLE_AGENT": self.containment.throttled,
        }
        store, target = stores[event.action_type], event.text("target")
        duration = event.args.get("duration_s")
        until = step.record.t + duration if isinstance(duration, int) else FOREVER
        store[target] = max(until, store.get(target, 0))

    def lift(self, _step: Step, event: Event) -> None:
        """Book that an agent may act again."""
        if event.text("target_type") == "agent":
            for store in (self.containment.killed, self.containment.throttled):
                store.pop(event.text("target_id"), None)

    def _bring_token(self, item: dict[str, Any]) -> None:
        kind = self.tables.policy.tokens.types.get(text_of(item, "token_type"))
        times = (item.get("issued_at_ts_s"), item.get("expires_at_ts_s"))
        issued, expires = times
        if kind is None or type(issued) is not int or type(expires) is not int:
            return
        token = KnownToken(kind, issued, expires)
        state = item.get("state")
        if state in ("CONSUMED", "REVOKED"):
            token.state = state
        self.tokens[text_of(item, "token_id")] = token


_BOOKINGS: Final = {
    "MINT_TOKEN": RuleState.mint,
    "REVOKE_TOKEN": RuleState.revoke,
    "KILL_SWITCH_AGENT": RuleState.contain,
    "THROTTLE_AGENT": RuleState.contain,
    "LIFT_ENFORCEMENT": RuleState.lift,
}


def stated(scenario: dict[str, Any] | None, name: str) -> list[dict[str, Any]]:
    """Return the objects of a scenario's list."""
    items = (scenario or {}).get(name)
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def text_of(item: dict[str, Any], name: str) -> str:
    """Return an object's text, or an empty one."""
    value = item.get(name)
    return value if isinstance(value, str) else ""
