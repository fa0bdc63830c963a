"""Compile a policy once into the frozen tables that every episode shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labtrust_core.engine.actions import ENGINE_HANDLERS, ENGINE_SYSTEM_HANDLERS
from labtrust_core.engine.domain import Domain, Guard, Handler
from labtrust_core.engine.evaluators import CREDENTIAL_CHECKS
from labtrust_core.engine.invariant_handlers import evaluators_for
from labtrust_core.engine.references import first_problem
from labtrust_core.policy.load import Policy
from labtrust_core.policy.model import (
    ActionRule,
    Capabilities,
    DualApproval,
    Enforcement,
    Invariants,
    Keys,
    Rbac,
    ReasonCodes,
    Tokens,
    ToolRegistry,
    Workflow,
)
from labtrust_core.trust.capabilities import CapabilityTable, compile_capabilities
from labtrust_core.trust.enforcement import CompiledRule, compile_enforcement
from labtrust_core.trust.invariants import (
    Checked,
    CompiledInvariant,
    InvariantTables,
    compile_invariants,
)
from labtrust_core.trust.keys import KeyRegistry
from labtrust_core.trust.roles import RoleTables, compile_roles
from labtrust_core.trust.tokens import TokenRules, compile_token_type
from labtrust_core.trust.tools import ToolAdapter, ToolTable, compile_tools


@dataclass(frozen=True, slots=True)
class CompiledAction:
    """One action: its guards, its handler and what else policy says of it.

    Attributes:
        invariants: What an accepted event of it is checked against.
        bare_invariants: The same for an event that presents neither token nor signature and needs
            none, of which the invariants about these have nothing to say.
    """

    handler: Handler
    guards: tuple[Guard, ...] = ()
    early_guards: tuple[Guard, ...] = ()
    token_subject: str | None = None
    handling_s: int = 0
    runtime_control: bool = False
    invariants: tuple[CompiledInvariant, ...] = ()
    bare_invariants: tuple[CompiledInvariant, ...] = ()


@dataclass(frozen=True)
class CompiledPolicy:
    """Everything an episode needs to know of its policy; immutable and shared.

    Attributes:
        fingerprint: SHA-256 (hex) of every effective policy value.
        tables: The domain's own tables.
        actions: Action type to the action, for agents.
        system_actions: Action type to the action, for what happens by itself.
        scopes: Invariant id to scope.
        adapters: Tool id to what carries it out.
    """

    domain: Domain
    fingerprint: str
    partner: str | None
    tables: Any
    actions: dict[str, CompiledAction]
    system_actions: dict[str, CompiledAction]
    roles: RoleTables
    agents: dict[str, str]
    capabilities: CapabilityTable
    keys: KeyRegistry
    max_head_lag: int
    tokens: dict[str, TokenRules]
    requester_is_minter: bool
    invariants: InvariantTables
    scopes: dict[str, str]
    enforcement: tuple[CompiledRule, ...]
    tools: ToolTable
    adapters: Mapping[str, ToolAdapter]
    reason_codes: frozenset[str]


def compile_policy(policy: Policy, domain: Domain) -> CompiledPolicy:
    """Compile ``policy`` for ``domain``.

    Raises:
        PolicyError: A reference inside the policy leads nowhere; names file, line, place, what was
            found and expected.
        SignatureError: A registered public key must not be trusted.
    """
    problem = first_problem(policy, domain)
    if problem is not None:
        raise problem
    handlers = {**ENGINE_HANDLERS, **domain.handlers}
    keys = policy.get("keys", Keys)
    invariants = compile_invariants(
        policy.get("invariants", Invariants),
        evaluators_for(policy.get("invariants", Invariants), domain),
        {**handlers, **domain.system_handlers},
        credentials=CREDENTIAL_CHECKS,
    )
    rbac = policy.get("rbac", Rbac)
    workflow = policy.get("workflow", Workflow)
    return CompiledPolicy(
        domain=domain,
        fingerprint=policy.fingerprint,
        partner=policy.partner,
        tables=domain.compile(policy),
        actions={
            name: _compile_action(rule, handlers[name], domain, invariants.of(name))
            for name, rule in workflow.actions.items()
        },
        system_actions={
            name: CompiledAction(
                handler, invariants=invariants.of(name)[0], bare_invariants=invariants.of(name)[1]
            )
            for name, handler in {**ENGINE_SYSTEM_HANDLERS, **domain.system_handlers}.items()
        },
        roles=compile_roles(rbac),
        agents=dict(rbac.agents),
        capabilities=compile_capabilities(policy.get("capabilities", Capabilities)),
        keys=KeyRegistry(keys.keys),
        max_head_lag=keys.max_head_lag,
        tokens={
            name: compile_token_type(name, item)
            for name, item in policy.get("tokens", Tokens).types.items()
        },
        requester_is_minter=policy.get("dual_approval", DualApproval).requester == "minter",
        invariants=invariants,
        scopes={name: entry.scope for name, entry in invariants.all.items()},
        enforcement=compile_enforcement(policy.get("enforcement", Enforcement)),
        tools=compile_tools(policy.get("tool_registry", ToolRegistry)),
        adapters=domain.tools,
        reason_codes=frozenset(policy.get("reason_codes", ReasonCodes).codes),
    )


def _compile_action(
    rule: ActionRule, handler: Handler, domain: Domain, checked: Checked
) -> CompiledAction:
    invariants, bare = checked
    return CompiledAction(
        handler,
        tuple(domain.guards[name] for name in rule.guards),
        tuple(domain.guards[name] for name in rule.early_guards),
        rule.token_subject,
        rule.handling_s,
        rule.runtime_control,
        invariants,
        invariants if rule.runtime_control else bare,
    )
