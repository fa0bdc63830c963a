"""Questions about an episode, as golden scenarios and tools ask them.

A question is ``name``, ``name(ARG)`` or ``name('ARG')``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from labtrust_core.engine.context import AnyContext
from labtrust_core.errors import UnknownNameError, UsageError
from labtrust_core.ledger.chain import Chain

_EXPRESSION: Final = re.compile(r"(?P<name>[a-z_]+)\s*(?:\((?P<arguments>[^()]*)\))?\Z")
_ARGUMENT: Final = re.compile(
    r"""(?:[A-Za-z_]+\s*=\s*)?(?:'(?P<single>[^']*)'|"(?P<double>[^"]*)"|(?P<bare>[^'"\s,]+))\Z"""
)


def parse_expression(expression: str) -> tuple[str, tuple[str, ...]]:
    """Split a question into its name and arguments.

    Raises:
        UsageError: It is not of the documented form.
    """
    match = _EXPRESSION.match(expression.strip())
    if match is None:
        raise UsageError(f"not a query: {expression!r}; expected name or name('ARGUMENT')")
    inside = (match["arguments"] or "").strip()
    return match["name"], tuple(
        _argument(part, expression) for part in inside.split(",")
    ) if inside else ()


def _argument(text: str, expression: str) -> str:
    match = _ARGUMENT.match(text.strip())
    if match is None:
        raise UsageError(f"not a query argument: {text!r} in {expression!r}")
    return next(
        group for group in (match["single"], match["double"], match["bare"]) if group is not None
    )


def _system_state(ctx: AnyContext, _chain: Chain, name: str) -> bool:
    if name != "log_frozen":
        raise UnknownNameError("system state", name, ("log_frozen",))
    return ctx.trust.ledger_frozen


_TRUST_QUERIES: Final[dict[str, Callable[..., Any]]] = {
    "last_reason_code_system": lambda ctx, _chain: ctx.trust.last_system_code,
    "system_state": _system_state,
    "token_active": lambda ctx, _chain: sorted(
        token.token_id
        for token in ctx.trust.tokens.values()
        if token.state == "ACTIVE" and ctx.trust.now <= token.expires_at_s
    ),
    "token_state": lambda ctx, _chain, token_id: (
        ctx.trust.tokens[token_id].state if token_id in ctx.trust.tokens else None
    ),
    "agent_role": lambda ctx, _chain, agent_id: ctx.trust.roster.get(agent_id),
    "agent_contained": lambda ctx, _chain, agent_id: (
        ctx.trust.now < ctx.trust.containment.throttled.get(agent_id, 0)
        or ctx.trust.now < ctx.trust.containment.killed.get(agent_id, 0)
    ),
    "zone_state": lambda ctx, _chain, zone_id: (
        "frozen" if ctx.trust.containment.is_zone_frozen(zone_id, ctx.trust.now) else "normal"
    ),
    "last_event_hash": lambda _ctx, chain: chain.head,
    "ledger_length": lambda _ctx, chain: chain.length,
}


def answer(ctx: AnyContext, chain: Chain, expression: str) -> Any:  # noqa: ANN401 - an answer of any type
    """Answer a question about the trust state, or let the domain answer it.

    Raises:
        UsageError: The expression is malformed, or neither knows such a question.
    """
    name, arguments = parse_expression(expression)
    question = _TRUST_QUERIES.get(name)
    if question is None:
        return ctx.policy.domain.query(ctx, name, arguments)
    try:
        return question(ctx, chain, *arguments)
    except TypeError as error:
        raise UsageError(f"{name} was given {len(arguments)} arguments") from error
