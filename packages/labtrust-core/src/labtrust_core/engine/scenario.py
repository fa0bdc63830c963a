"""The trust part of an initial state: tokens that exist already, and who holds which role."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from labtrust_core.engine.compiled import CompiledPolicy
from labtrust_core.engine.context import TrustState
from labtrust_core.errors import ScenarioError
from labtrust_core.trust.tokens import Token


class InitialToken(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A token that a scenario starts with; ``approvals`` are agent ids."""

    token_id: str
    token_type: str
    subject_type: str
    subject_id: str
    issued_at_ts_s: int
    expires_at_ts_s: int
    state: Literal["ACTIVE", "CONSUMED", "REVOKED"] = "ACTIVE"
    reason_code: str | None = None
    approvals: list[str] = []


def trust_state(
    policy: CompiledPolicy, scenario: Mapping[str, Any], agents: Mapping[str, str]
) -> TrustState:
    """Return the trust state that an episode starts from.

    Args:
        policy: The compiled policy.
        scenario: Initial state; its ``tokens`` are used here.
        agents: Agent id to role id, for the agents that the domain's scenario brings along.

    Raises:
        ScenarioError: A token is malformed, of an unknown type or doubled, or a role is not
            defined.
    """
    roster = {**policy.agents, **agents}
    for agent_id, role_id in roster.items():
        if role_id not in policy.roles.roles:
            raise ScenarioError(
                f"agent {agent_id} has a role that policy does not define", found=role_id
            )
    tokens: dict[str, Token] = {}
    for number, raw in enumerate(scenario.get("tokens", ())):
        token = _token(policy, raw, f"tokens[{number}]")
        if token.token_id in tokens:
            raise ScenarioError(
                "token id used twice", path=f"tokens[{number}]", found=token.token_id
            )
        tokens[token.token_id] = token
    return TrustState(
        recent_heads=deque(maxlen=policy.max_head_lag),
        roster=roster,
        held={agent_id: {role_id} for agent_id, role_id in roster.items()},
        tokens=tokens,
    )


def _token(policy: CompiledPolicy, raw: object, path: str) -> Token:
    try:
        initial = msgspec.convert(raw, InitialToken)
    except msgspec.ValidationError as error:
        raise ScenarioError(str(error), path=path, expected="a token") from error
    if initial.token_type not in policy.tokens:
        raise ScenarioError("unknown token type", path=path, found=initial.token_type)
    return Token(
        token_id=initial.token_id,
        token_type=initial.token_type,
        subject_type=initial.subject_type,
        subject_id=initial.subject_id,
        issued_at_s=initial.issued_at_ts_s,
        expires_at_s=initial.expires_at_ts_s,
        nonce=f"initial:{initial.token_id}",
        reason_code=initial.reason_code,
        approvers=tuple(initial.approvals),
        state=initial.state,
    )
