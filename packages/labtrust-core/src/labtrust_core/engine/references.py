"""References between the trust documents: a name that one uses is one that another defines."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Final

import jsonschema

from labtrust_core.engine.actions import ENGINE_EMITS, ENGINE_HANDLERS, ENGINE_REASON_CODES
from labtrust_core.engine.domain import Domain, Problem
from labtrust_core.engine.invariant_handlers import known_checks
from labtrust_core.errors import PolicyError
from labtrust_core.policy.load import Policy
from labtrust_core.policy.model import (
    Capabilities,
    Emits,
    Enforcement,
    Invariants,
    Keys,
    Rbac,
    ReasonCodes,
    Tokens,
    ToolRegistry,
    Workflow,
)

MAX_TOOL_BYTES: Final = 16 * 1024
"""The most that one tool's output may take: with its event, it must fit into a ledger line."""


def dangling(
    document: str,
    what: str,
    names: Iterable[tuple[tuple[str | int, ...], str]],
    known: Collection[str],
) -> Iterator[Problem]:
    """Yield a problem for each ``(place, name)`` whose name is not among ``known``."""
    for path, name in names:
        if name not in known:
            yield Problem(document, path, f"undefined {what}", name, _listed(known))


def _listed(known: Collection[str]) -> str:
    names = sorted(known)
    return "one of " + ", ".join(names[:12]) + (", …" if len(names) > 12 else "")  # noqa: PLR2004 - a line's worth


def live_reason_codes(policy: Policy, domain: Domain) -> frozenset[str]:
    """Return every reason code that a refusal, a violation or a note of an event can carry."""
    invariants = policy.get("invariants", Invariants).invariants.values()
    of_invariants = {item.reason_code for item in invariants if item.reason_code is not None}
    return ENGINE_REASON_CODES | domain.reason_codes | of_invariants


def problems(policy: Policy, domain: Domain) -> list[PolicyError]:
    """Return every dangling reference and contradiction of ``policy`` under ``domain``."""
    found = [
        *_actions(policy, domain),
        *_roles(policy),
        *_codes(policy, domain),
        *_tokens(policy),
        *_invariants(policy, domain),
        *_tools(policy),
        *domain.problems(policy),
    ]
    return [
        policy.error(
            item.document, item.path, item.message, found=item.found, expected=item.expected
        )
        for item in found
    ]


def first_problem(policy: Policy, domain: Domain) -> PolicyError | None:
    """Return the first of ``problems``."""
    return next(iter(problems(policy, domain)), None)


def _actions(policy: Policy, domain: Domain) -> Iterator[Problem]:
    workflow = policy.get("workflow", Workflow)
    rbac = policy.get("rbac", Rbac)
    capabilities = policy.get("capabilities", Capabilities)
    handled = {**ENGINE_HANDLERS, **domain.handlers}
    yield from dangling(
        "workflow", "action", ((("actions", name), name) for name in workflow.actions), handled
    )
    for name in sorted(handled.keys() - workflow.actions.keys()):
        yield Problem("workflow", ("actions",), "action without a rule", "nothing", name)
    for name, rule in workflow.actions.items():
        for list_name in ("guards", "early_guards"):
            used = (
                (("actions", name, list_name, i), item)
                for i, item in enumerate(getattr(rule, list_name))
            )
            yield from dangling("workflow", "guard", used, domain.guards)
    for role_id, role in rbac.roles.items():
        listed = ((("roles", role_id, "actions", i), item) for i, item in enumerate(role.actions))
        yield from dangling("rbac", "action", listed, workflow.actions)
    duties = ((("incompatible_duties", name), name) for name in rbac.incompatible_duties)
    yield from dangling("rbac", "action", duties, workflow.actions)
    for profile_id, profile in capabilities.profiles.items():
        risky = (
            (("profiles", profile_id, "high_risk_actions", i), item)
            for i, item in enumerate(profile.high_risk_actions)
        )
        yield from dangling("capabilities", "action", risky, workflow.actions)
    overrides = (
        (("override_actions", i), item) for i, item in enumerate(capabilities.override_actions)
    )
    yield from dangling("capabilities", "action", overrides, workflow.actions)


def _roles(policy: Policy) -> Iterator[Problem]:
    rbac = policy.get("rbac", Rbac)
    roles = rbac.roles
    tools = policy.get("tool_registry", ToolRegistry).tools
    yield from dangling(
        "rbac", "role", ((("agents", agent), role) for agent, role in rbac.agents.items()), roles
    )
    for number, group in enumerate(rbac.exclusive_roles):
        listed = ((("exclusive_roles", number, i), item) for i, item in enumerate(group))
        yield from dangling("rbac", "role", listed, roles)
    for role_id, role in roles.items():
        offered = ((("roles", role_id, "tools", i), item) for i, item in enumerate(role.tools))
        yield from dangling("rbac", "tool", offered, tools)
    profiles = policy.get("capabilities", Capabilities).profiles
    yield from dangling(
        "capabilities", "role", ((("profiles", name), name) for name in profiles), roles
    )
    keys = policy.get("keys", Keys).keys
    yield from dangling(
        "keys",
        "role",
        ((("keys", name, "role_id"), key.role_id) for name, key in keys.items()),
        roles,
    )


def _codes(policy: Policy, domain: Domain) -> Iterator[Problem]:
    codes = policy.get("reason_codes", ReasonCodes).codes
    for code in sorted((ENGINE_REASON_CODES | domain.reason_codes) - codes.keys()):
        yield Problem(
            "reason_codes",
            ("codes",),
            "unregistered reason code that the code can return",
            "nothing",
            code,
        )
    emitted = {name for names in policy.get("emits", Emits).categories.values() for name in names}
    for name in sorted((ENGINE_EMITS | domain.emitted) - emitted):
        yield Problem(
            "emits", ("categories",), "unregistered name that the code can emit", "nothing", name
        )
    seen: set[str] = set()
    for category, names in policy.get("emits", Emits).categories.items():
        for number, name in enumerate(names):
            if name in seen:
                yield Problem(
                    "emits",
                    ("categories", category, number),
                    "duplicate name",
                    name,
                    "each name once",
                )
            seen.add(name)


def _tokens(policy: Policy) -> Iterator[Problem]:
    rbac = policy.get("rbac", Rbac)
    codes = policy.get("reason_codes", ReasonCodes).codes
    actions = policy.get("workflow", Workflow).actions
    held = set(rbac.agents.values()) | _crew_roles(policy)
    for name, kind in policy.get("tokens", Tokens).types.items():
        place: tuple[str | int, ...] = ("types", name)
        listed = (
            ((*place, "approver_roles", i), role) for i, role in enumerate(kind.approver_roles)
        )
        yield from dangling("tokens", "role", listed, rbac.roles)
        if kind.approvals > 0 and not held.intersection(kind.approver_roles):
            yield Problem(
                "tokens",
                (*place, "approver_roles"),
                "no agent holds an approver role",
                ", ".join(kind.approver_roles) or "none",
                _listed(held),
            )
        used = (((*place, "actions", i), action) for i, action in enumerate(kind.actions))
        yield from dangling("tokens", "action", used, actions)
        for list_name, named in (("lifts", kind.lifts), ("reasons", kind.reasons)):
            coded = (((*place, list_name, i), code) for i, code in enumerate(named))
            yield from dangling("tokens", "reason code", coded, codes)
        for number, code in enumerate(kind.lifts):
            if code in codes and codes[code].non_overridable:
                yield Problem(
                    "tokens",
                    (*place, "lifts", number),
                    "a non-overridable code cannot be lifted",
                    code,
                    "another code",
                )


def _crew_roles(policy: Policy) -> set[str]:
    """Return the roles that crews of the domain hold, where it has such a document."""
    crews = getattr(policy.documents.get("crews"), "crews", {})
    return {member.role for crew in crews.values() for member in crew.members.values()}


def _invariants(policy: Policy, domain: Domain) -> Iterator[Problem]:
    invariants = policy.get("invariants", Invariants).invariants
    codes = policy.get("reason_codes", ReasonCodes).codes
    evaluators = known_checks(domain)
    triggers = {"*", *policy.get("workflow", Workflow).actions, *domain.system_handlers}
    for name, entry in invariants.items():
        place: tuple[str | int, ...] = ("invariants", name)
        check = f"{entry.logic.type}.{entry.logic.check}"
        yield from dangling(
            "invariants", "evaluator", [((*place, "logic", "check"), check)], evaluators
        )
        if entry.reason_code is not None:
            yield from dangling(
                "invariants", "reason code", [((*place, "reason_code"), entry.reason_code)], codes
            )
        used = (((*place, "triggers", i), action) for i, action in enumerate(entry.triggers))
        yield from dangling("invariants", "action", used, triggers)
    for name, rule in policy.get("enforcement", Enforcement).rules.items():
        matched = (
            (("rules", name, "match", "invariant_ids", i), item)
            for i, item in enumerate(rule.match.invariant_ids)
        )
        yield from dangling("enforcement", "invariant", matched, invariants)


def _tools(policy: Policy) -> Iterator[Problem]:
    for name, tool in policy.get("tool_registry", ToolRegistry).tools.items():
        if tool.max_bytes > MAX_TOOL_BYTES:
            place = ("tools", name, "max_bytes")
            expected = f"at most {MAX_TOOL_BYTES}"
            yield Problem(
                "tool_registry", place, "more than a record can hold", str(tool.max_bytes), expected
            )
        try:
            jsonschema.Draft202012Validator.check_schema(tool.args_schema)
        except jsonschema.SchemaError as error:
            yield Problem(
                "tool_registry",
                ("tools", name, "args_schema"),
                "not a JSON Schema (2020-12)",
                error.message[:200],
                "a JSON Schema",
            )
