"""The gates: each answers one question and changes nothing; the last table gives the order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from labtrust_core.engine.compiled import CompiledAction
from labtrust_core.engine.context import AnyContext
from labtrust_core.event import SYSTEM_AGENT, Blocked, Event, Origin
from labtrust_core.trust.capabilities import check_capability
from labtrust_core.trust.enforcement import check_containment
from labtrust_core.trust.roles import check_role
from labtrust_core.trust.signatures import check_event
from labtrust_core.trust.tokens import check_presented

FROZEN_LEDGER: Final = "the ledger is frozen; nothing may be done"

Gate = Callable[[AnyContext, Event, CompiledAction | None], None]


def frozen_ledger(ctx: AnyContext, _event: Event, _action: CompiledAction | None) -> None:
    """Is the ledger intact? A frozen ledger stops everything."""
    if ctx.trust.ledger_frozen:
        raise Blocked("AUDIT_CHAIN_BROKEN", FROZEN_LEDGER)


def time_and_identity(ctx: AnyContext, event: Event, _action: CompiledAction | None) -> None:
    """Is the event at its time, and new? In simulated time only the driver moves the clock."""
    now = ctx.trust.now
    if event.t_s < now:
        raise Blocked(
            "RC_TIME_NOT_MONOTONIC", f"the event is at {event.t_s} s, the clock stands at {now} s"
        )
    if ctx.config.simulated and event.t_s > now:
        raise Blocked(
            "RC_TIME_NOT_MONOTONIC",
            f"the clock stands at {now} s and no event moves it to {event.t_s} s",
        )
    if event.event_id in ctx.trust.seen:
        raise Blocked("RC_EVENT_DUPLICATE", f"event id {event.event_id} was used before")


def containment(ctx: AnyContext, event: Event, _action: CompiledAction | None) -> None:
    """Has enforcement stopped the agent?"""
    state = ctx.trust.containment
    if state.throttled or state.killed:
        check_containment(state, event.agent_id, event.t_s)


def early_guards(ctx: AnyContext, event: Event, action: CompiledAction | None) -> None:
    """Does a guard that the workflow puts before the role gate refuse?"""
    if action is not None:
        for guard in action.early_guards:
            guard(ctx, event)


def role(ctx: AnyContext, event: Event, action: CompiledAction | None) -> None:
    """May the agent's role do this, and has the agent no duty that rules it out?"""
    ctx.role = check_role(ctx.role_of(event.agent_id), event)
    if action is None or (action.runtime_control and event.agent_id != SYSTEM_AGENT):
        raise Blocked("RBAC_ACTION_DENY", f"{event.agent_id} may not {event.action_type}")
    forbidden = ctx.policy.roles.incompatible_duties.get(event.action_type)
    if forbidden:
        clash = ctx.policy.domain.duties(ctx, event).intersection(forbidden)
        if clash:
            raise Blocked(
                "RBAC_DUTY_CONFLICT",
                f"{event.agent_id} has {min(clash)} and may not {event.action_type}",
            )


def capability(ctx: AnyContext, event: Event, action: CompiledAction | None) -> None:
    """Is the agent within its limits? Runtime control has none: its signature is its limit."""
    if ctx.role is not None and action is not None and not action.runtime_control:
        check_capability(
            ctx.policy.capabilities, ctx.role.role_id, ctx.trust.usage.get(event.agent_id), event
        )


def signature(ctx: AnyContext, event: Event, action: CompiledAction | None) -> None:
    """Is the event signed where it must be? A signature must be good, asked for or not."""
    present = event.signature is not None or event.key_id is not None
    required = ctx.config.signatures_required or (action is not None and action.runtime_control)
    if ctx.role is not None and (present or required):
        check_event(
            event,
            keys=ctx.keys,
            role_id=ctx.role.role_id,
            episode=ctx.config.episode,
            recent_heads=ctx.trust.recent_heads,
        )
        ctx.signed = True


def token_references(ctx: AnyContext, event: Event, action: CompiledAction | None) -> None:
    """Is every presented token good for this, and is a required one there?"""
    needed = action.token_subject if action is not None else None
    if not event.token_refs and needed is None:
        return
    subjects = ctx.policy.domain.subjects(ctx, event)
    ctx.presented = tuple(
        check_presented(token_id, ctx.trust.tokens, ctx.policy.tokens, event, subjects)
        for token_id in dict.fromkeys(event.token_refs)
    )
    if needed is not None:
        _require_tokens(ctx, event, needed)


def _require_tokens(ctx: AnyContext, event: Event, argument: str) -> None:
    named = event.texts(argument) or (event.text(argument),)
    bound = {token.subject_id: token for token in ctx.presented}
    missing = [subject for subject in named if subject not in bound]
    if missing:
        raise Blocked(
            "TOKEN_REQUIRED", f"{event.action_type} needs a token bound to {missing[0] or argument}"
        )
    ctx.consume(bound[subject] for subject in named)


AGENT_GATES: Final[tuple[Gate, ...]] = (
    frozen_ledger,
    time_and_identity,
    containment,
    early_guards,
    role,
    capability,
    signature,
    token_references,
)

GATES: Final[dict[Origin, tuple[Gate, ...]]] = {
    "agent": AGENT_GATES,
    "clockwork": (frozen_ledger,),
    "enforcement": (frozen_ledger,),
}
"""Gates by origin. The origin is the engine's own; no caller can set it.

Tools are checked and run by their handler.
"""
