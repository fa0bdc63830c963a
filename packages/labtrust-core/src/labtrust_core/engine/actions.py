"""Actions that every domain has: nothing, tokens, roster, tools, carrying out enforcement."""

from __future__ import annotations

import hashlib
from typing import Final

from labtrust_core.engine.context import AnyContext
from labtrust_core.engine.domain import Handler
from labtrust_core.event import Blocked, Event
from labtrust_core.trust.enforcement import ENFORCEMENT_ACTIONS, FOREVER
from labtrust_core.trust.tokens import MintContext, Token, TokenRules, check_approvals
from labtrust_core.trust.tools import check_call, run_tool


def noop(_ctx: AnyContext, _event: Event) -> None:
    """Do nothing; the ledger notes that nothing was done."""


def mint_token(ctx: AnyContext, event: Event) -> None:
    """Mint a token of a registered type, with the approvals that its type asks for."""
    kind = ctx.policy.tokens.get(event.text("token_type"))
    if kind is None:
        raise Blocked(
            "TOKEN_TYPE_UNKNOWN", f"token type {event.args.get('token_type')} is not registered"
        )
    subject_type, subject_id = event.text("subject_type"), event.text("subject_id")
    if subject_type not in kind.subject_types or not subject_id:
        raise Blocked(
            "TOKEN_SUBJECT_INVALID",
            f"a {kind.name} is bound to one of {sorted(kind.subject_types)}",
        )
    reason = event.text("reason_code") or event.reason_code
    if kind.reasons and reason not in kind.reasons:
        raise Blocked(
            "TOKEN_SUBJECT_INVALID", f"a {kind.name} is minted for one of {sorted(kind.reasons)}"
        )
    approvers = check_approvals(
        event,
        kind,
        MintContext(
            ctx.trust.roster,
            ctx.keys,
            ctx.config.episode,
            signed=ctx.config.signatures_required,
            requester_is_minter=ctx.policy.requester_is_minter,
        ),
    )
    token = Token(
        token_id=_token_id(ctx, kind, subject_id),
        token_type=kind.name,
        subject_type=subject_type,
        subject_id=subject_id,
        issued_at_s=ctx.now,
        expires_at_s=ctx.now + kind.ttl_s,
        nonce=_nonce(ctx),
        reason_code=reason,
        minted_by=event.agent_id,
        approvers=approvers,
    )
    ctx.trust.tokens[token.token_id] = token
    ctx.data["token_id"] = token.token_id
    ctx.emit("MINT_TOKEN")


def _token_id(ctx: AnyContext, kind: TokenRules, subject_id: str) -> str:
    """Return an id that names kind and subject; a later token for them gets a number."""
    first = f"{kind.id_prefix}{subject_id}"
    if first not in ctx.trust.tokens:
        return first
    number = 2
    while f"{first}_{number}" in ctx.trust.tokens:
        number += 1
    return f"{first}_{number}"


def _nonce(ctx: AnyContext) -> str:
    text = f"{ctx.config.episode}\n{ctx.config.seed}\n{len(ctx.trust.tokens)}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def revoke_token(ctx: AnyContext, event: Event) -> None:
    """Revoke an active token."""
    token = ctx.trust.tokens.get(event.text("token_id"))
    if token is None or token.state != "ACTIVE":
        raise Blocked("INV-TOK-002", f"token {event.args.get('token_id')} is not an active token")
    token.state = "REVOKED"
    ctx.emit("REVOKE_TOKEN")


def update_roster(ctx: AnyContext, event: Event) -> None:
    """Give agents new roles for the rest of the episode. All of them, or none."""
    roster = event.args.get("roster")
    if not isinstance(roster, dict) or not roster:
        raise Blocked("RC_ROSTER_INVALID", "roster is a mapping of agent id to role id, not empty")
    roles = ctx.policy.roles
    for agent_id, role_id in roster.items():
        if not isinstance(role_id, str) or role_id not in roles.roles:
            raise Blocked("RC_ROSTER_INVALID", f"role {role_id} is not defined")
        clash = roles.exclusive[role_id] & ctx.trust.held.get(agent_id, set())
        if clash:
            raise Blocked(
                "RC_ROSTER_INVALID", f"{agent_id} has held {min(clash)}, which excludes {role_id}"
            )
    for agent_id, role_id in roster.items():
        ctx.trust.roster[agent_id] = role_id
        ctx.trust.held.setdefault(agent_id, set()).add(role_id)
    ctx.emit("UPDATE_ROSTER")


def invoke_tool(ctx: AnyContext, event: Event) -> None:
    """Call a tool; its output goes into the step's data. Every gate has passed when this runs."""
    if ctx.role is None:
        raise Blocked("TOOL_NOT_ALLOWED_FOR_ROLE", "the agent holds no role")
    tool = check_call(ctx.policy.tools, event.tool_id, ctx.role.tools, event.args)
    adapter = ctx.policy.adapters.get(event.tool_id or "")
    ctx.data["tool_output"] = run_tool(ctx.policy.tools, tool, adapter, ctx, event.args)


def lift_enforcement(ctx: AnyContext, event: Event) -> None:
    """Lift a containment before its time."""
    containment = ctx.trust.containment
    stores = {
        "agent": (containment.throttled, containment.killed),
        "zone": (containment.zones,),
        "device": (containment.devices,),
    }
    target = event.text("target_id")
    candidates = stores.get(event.text("target_type"), ())
    holding = [store for store in candidates if ctx.now < store.get(target, 0)]
    if not holding:
        raise Blocked("RC_ENFORCEMENT_UNKNOWN", f"nothing is enforced on {target}")
    for store in holding:
        del store[target]
    ctx.emit("SECURITY_INCIDENT_LOG")


def carry_out(ctx: AnyContext, event: Event) -> None:
    """Carry out one enforcement action (an event of its own, caused by the engine)."""
    duration = event.args["duration_s"]
    until = FOREVER if duration is None else ctx.now + duration
    containment = ctx.trust.containment
    if event.action_type == "FORENSIC_FREEZE_LOG":
        ctx.trust.ledger_frozen = True
        ctx.trust.last_system_code = event.args["reason_code"]
    else:
        store = {
            "THROTTLE_AGENT": containment.throttled,
            "KILL_SWITCH_AGENT": containment.killed,
            "KILL_SWITCH_ZONE": containment.zones,
            "KILL_SWITCH_DEVICE": containment.devices,
        }[event.action_type]
        store[event.args["target"]] = max(until, store.get(event.args["target"], 0))
    ctx.emit(event.action_type)


ENGINE_HANDLERS: Final[dict[str, Handler]] = {
    "NOOP": noop,
    "TICK": noop,
    "MINT_TOKEN": mint_token,
    "REVOKE_TOKEN": revoke_token,
    "UPDATE_ROSTER": update_roster,
    "INVOKE_TOOL": invoke_tool,
    "LIFT_ENFORCEMENT": lift_enforcement,
}

ENGINE_SYSTEM_HANDLERS: Final[dict[str, Handler]] = dict.fromkeys(
    ENFORCEMENT_ACTIONS.values(), carry_out
)

ENGINE_REASON_CODES: Final = frozenset(
    {
        "AUDIT_CHAIN_BROKEN",
        "RC_EVENT_MALFORMED",
        "RC_TIME_NOT_MONOTONIC",
        "RC_EVENT_DUPLICATE",
        "AGENT_THROTTLED",
        "AGENT_KILLED",
        "RBAC_ACTION_DENY",
        "RBAC_DEVICE_DENY",
        "RBAC_ZONE_DENY",
        "RBAC_DUTY_CONFLICT",
        "AGENT_CAPABILITY_DENY",
        "AGENT_RATE_LIMIT",
        "AGENT_OVERRIDE_BUDGET_EXCEEDED",
        "SIG_MISSING",
        "SIG_INVALID",
        "SIG_STALE_HEAD",
        "SIG_KEY_REVOKED",
        "SIG_KEY_EXPIRED",
        "SIG_KEY_NOT_YET_VALID",
        "SIG_ROLE_MISMATCH",
        "INV-TOK-001",
        "INV-TOK-002",
        "INV-TOK-003",
        "INV-TOK-006",
        "TOKEN_REQUIRED",
        "TOKEN_TYPE_UNKNOWN",
        "TOKEN_SUBJECT_INVALID",
        "RC_ROSTER_INVALID",
        "RC_ENFORCEMENT_UNKNOWN",
        "TOOL_NOT_IN_REGISTRY",
        "TOOL_NOT_ALLOWED_FOR_ROLE",
        "TOOL_ARG_SCHEMA_FAIL",
        "TOOL_ARG_RANGE_FAIL",
        "TOOL_EXEC_EXCEPTION",
        "TOOL_TIMEOUT",
        "TOOL_OUTPUT_MALFORMED",
        "TOOL_EGRESS_DENIED",
        "TOOL_EGRESS_LIMIT_EXCEEDED",
        "TOOL_DATA_CLASS_VIOLATION",
    }
)
"""Every reason code that the engine itself can return."""

ENGINE_EMITS: Final = frozenset(
    {
        "MINT_TOKEN",
        "CONSUME_TOKEN",
        "REVOKE_TOKEN",
        "UPDATE_ROSTER",
        "SECURITY_INCIDENT_LOG",
        *ENFORCEMENT_ACTIONS.values(),
    }
)
"""Every name that the engine itself can emit."""
