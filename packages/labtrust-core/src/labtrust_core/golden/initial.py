"""Turn a scenario's initial state into what the engine starts an episode from.

The runner keeps its own keys (``RunnerPart``), fills in templates and fixture agents, and hands
everything else to the domain, which refuses what it does not know.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from labtrust_core.engine.compiled import CompiledPolicy
from labtrust_core.engine.context import EpisodeConfig
from labtrust_core.errors import ScenarioError
from labtrust_core.golden.format import Fixtures, Mode, Scenario, Seconds, Suite
from labtrust_core.golden.tool_faults import ToolFault
from labtrust_core.policy.load import merged
from labtrust_core.trust.enforcement import Containment

TEMPLATE_KEY: Final = "template_ref"

POLICY_KEYS: Final = frozenset(
    {
        "policy_root",
        "effective_policy",
        "zone_layout",
        "tool_registry",
        "allowed_tools",
        "tool_adapter",
        "tool_timeout_s",
        "state_label",
        "state_tool_capability_map",
    }
)
"""Keys with which a scenario would bring its own policy; policy is the policy folder's alone."""


class ChainFault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``break_hash_prev_on_event_id``: the event at which the ledger is damaged on purpose."""

    break_hash_prev_on_event_id: str | None = None


class RunnerPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The keys of an initial state that are the runner's.

    Attributes:
        strict_signatures: Whether every event must be signed.
        frozen_zones: Zone id to the second until which enforcement has frozen it.
        stopped_devices: Device id to the second until which enforcement has stopped it.
        tool_fault_injection: Tool id to what its adapter does instead of its work.
        partner_id, policy_fingerprint, enforcement_enabled: What the policy in force must be;
            nothing chooses it here.
    """

    timing_mode: Mode | None = None
    strict_signatures: bool = False
    audit_fault_injection: ChainFault = ChainFault()
    frozen_zones: dict[str, Seconds] = {}
    stopped_devices: dict[str, Seconds] = {}
    tool_fault_injection: dict[str, ToolFault] = {}
    partner_id: str | None = None
    policy_fingerprint: str | None = None
    enforcement_enabled: bool | None = None


class Start(NamedTuple):
    """What ``Engine.reset`` takes, and what the runner itself arranges around it."""

    state: dict[str, Any]
    config: EpisodeConfig
    containment: Containment
    tool_faults: dict[str, ToolFault]


def start_of(scenario: Scenario, suite: Suite, policy: CompiledPolicy) -> Start:
    """Return the start of ``scenario`` under ``policy``.

    Raises:
        ScenarioError: A key is malformed, unsupported or at odds with the policy in force, or a
            template is not defined.
    """
    refused = sorted(POLICY_KEYS & scenario.initial_state.keys())
    if refused:
        raise ScenarioError(
            "a scenario cannot bring policy along",
            path=f"initial_state.{refused[0]}",
            found=refused[0],
            expected="a policy folder or a partner's overlay",
        )
    own = {
        key: scenario.initial_state[key]
        for key in RunnerPart.__struct_fields__
        if key in scenario.initial_state
    }
    try:
        part = msgspec.convert(own, RunnerPart)
    except msgspec.ValidationError as error:
        raise ScenarioError(str(error), path="initial_state") from error
    _check_policy_in_force(part, policy)
    state = {key: value for key, value in scenario.initial_state.items() if key not in own}
    return Start(
        _with_fixtures(state, scenario, suite.fixtures),
        EpisodeConfig(
            episode=f"golden/{scenario.scenario_id}",
            seed=suite.deterministic.rng_seed,
            simulated=_mode(scenario, part) == "simulated",
            signatures_required=part.strict_signatures,
            break_chain_on=part.audit_fault_injection.break_hash_prev_on_event_id,
        ),
        Containment(zones=dict(part.frozen_zones), devices=dict(part.stopped_devices)),
        part.tool_fault_injection,
    )


def _check_policy_in_force(part: RunnerPart, policy: CompiledPolicy) -> None:
    claims = (
        ("partner_id", part.partner_id, policy.partner),
        ("policy_fingerprint", part.policy_fingerprint, policy.fingerprint),
        ("enforcement_enabled", part.enforcement_enabled, bool(policy.enforcement)),
    )
    for name, claimed, actual in claims:
        if claimed is not None and claimed != actual:
            raise ScenarioError(
                "the scenario is for another policy",
                path=f"initial_state.{name}",
                found=str(actual),
                expected=str(claimed),
            )


def _mode(scenario: Scenario, part: RunnerPart) -> Mode:
    named = {mode for mode in (scenario.timing_mode, part.timing_mode) if isinstance(mode, str)}
    if len(named) > 1:
        raise ScenarioError(
            "two timing modes", path="timing_mode", found=", ".join(sorted(named)), expected="one"
        )
    return named.pop() if named else "explicit"  # the format's own default


def _with_fixtures(state: dict[str, Any], scenario: Scenario, fixtures: Fixtures) -> dict[str, Any]:
    state = copy.deepcopy(state)
    if isinstance(state.get("specimens"), list):
        state["specimens"] = [_resolved(item, fixtures) for item in state["specimens"]]
    if "agents" not in state and fixtures.agents:
        state["agents"] = [
            {
                "agent_id": agent.agent_id,
                "zone_id": agent.zone_id,
                **({"role": agent.role} if agent.role else {}),
            }
            for agent in fixtures.agents
        ]
    if scenario.transport_fault_injection:
        if "transport_fault_injection" in state:
            raise ScenarioError(
                "given twice", path="transport_fault_injection", expected="one place for it"
            )
        state["transport_fault_injection"] = copy.deepcopy(scenario.transport_fault_injection)
    return state


def _resolved(item: object, fixtures: Fixtures) -> object:
    """Return a specimen entry, with the template that it names filled in below its own values."""
    if not isinstance(item, Mapping) or TEMPLATE_KEY not in item:
        return item
    name = item[TEMPLATE_KEY]
    template = fixtures.specimen_templates.get(name) if isinstance(name, str) else None
    if template is None:
        raise ScenarioError(
            "no such specimen template",
            path="initial_state.specimens",
            found=str(name),
            expected="one of " + ", ".join(sorted(fixtures.specimen_templates)),
        )
    overrides = {key: value for key, value in item.items() if key != TEMPLATE_KEY}
    return merged(copy.deepcopy(template), overrides)
