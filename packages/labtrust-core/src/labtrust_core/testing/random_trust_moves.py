"""Sensible moves around trust: tokens, tools, enforcement, the roster, specimens from outside."""

from __future__ import annotations

from typing import Any, Final, get_args

from labtrust_core.event import SYSTEM_AGENT
from labtrust_core.hospital_lab.quality_cascade import suspicion
from labtrust_core.hospital_lab.stability import stability_breach
from labtrust_core.hospital_lab.things import SpecimenStatus
from labtrust_core.testing.random_choice import NOTHING, Choice, Recipe
from labtrust_core.testing.random_shift import PEOPLE, Move

_MOSTLY: Final = 0.8


def _mint(choice: Choice) -> Move:
    kind, subject, reason = choice.one(_wishes(choice)) or ("TOKEN_NONE", ("agent", NOTHING), "")
    minter = choice.person()
    rules = choice.ctx.policy.tokens.get(kind)
    approvers = [
        name
        for name in PEOPLE
        if rules is not None
        and name != minter
        and choice.ctx.trust.roster.get(name) in rules.approver_roles
    ]
    choice.rng.shuffle(approvers)
    args: dict[str, Any] = {
        "token_type": kind,
        "subject_type": subject[0],
        "subject_id": subject[1],
        "reason_code": reason,
        "approvals": [
            {"approver_agent_id": name, "approver_key_id": f"K_{name}"}
            for name in approvers[: 0 if rules is None else rules.approvals]
        ],
    }
    return choice.move(minter, args)


def _wishes(choice: Choice) -> list[tuple[str, tuple[str, str], str]]:
    """Return the tokens that would help now: type, subject and reason."""
    world, risk = choice.world, "OVERRIDE_RISK_ACCEPTANCE"
    near = [name for name, item in world.agents.items() if item.zone == "Z_SRA_RECEPTION"]
    found = [
        ("TOKEN_RESTRICTED_ENTRY", ("agent", choice.name(near)), "RBAC_RESTRICTED_ENTRY_DENY"),
        ("TOKEN_EMERGENCY_ACCESS", ("agent", choice.name(near)), "ZONE_FROZEN"),
        ("TOKEN_MAINTENANCE_MODE", ("agent", choice.name(near)), "ZONE_FROZEN"),
    ]
    for machine in choice.devices("analyser"):
        head = machine.queue.head(choice.tables.stat_share_percent)
        specimen = world.specimens.get(head or "")
        breach = None if specimen is None else stability_breach(choice.tables, specimen, choice.now)
        if breach is not None and head is not None:
            found += [(risk, ("specimen", head), breach[0])] * 3
    for result in choice.results("held"):
        state = suspicion(world.devices.get(result.device_id or ""), result.analyte)
        if state != "fail" and not result.awaits_call():
            found.append((risk, ("result", result.result_id), "RC_RESULT_HELD"))
    for result in choice.results("generated"):
        if suspicion(world.devices.get(result.device_id or ""), result.analyte) == "drift":
            drift = ("TOKEN_QC_DRIFT_OVERRIDE", ("result", result.result_id), "QC_DRIFT_SUSPECTED")
            found += [drift] * 2
    return found


def _revoke(choice: Choice) -> Move:
    tokens = choice.ctx.trust.tokens
    active = [name for name, token in tokens.items() if token.state == "ACTIVE"]
    return choice.move(choice.person(), {"token_id": choice.name(active or tokens)})


def _ask_tool(choice: Choice) -> Move:
    agent_id = choice.person()
    role = choice.ctx.role_of(agent_id)
    args = {
        "read_lims_v1": {"accession_id": choice.name(choice.world.specimens)},
        "query_queue_v1": {"device_id": choice.name(choice.tables.devices)},
    }
    tool = choice.name(sorted(role.tools) if role is not None else args)
    return choice.move(agent_id, args.get(tool, {}), tool_id=tool)


def _lift(choice: Choice) -> Move:
    held = choice.ctx.trust.containment
    stores = {
        "agent": {**held.throttled, **held.killed},
        "zone": held.zones,
        "device": held.devices,
    }
    found = [
        (kind, name)
        for kind, store in stores.items()
        for name, until_s in store.items()
        if until_s > choice.now
    ]
    kind, name = choice.one(found) or ("agent", NOTHING)
    return choice.move(choice.person(), {"target_type": kind, "target_id": name})


def _roster(choice: Choice) -> Move:
    role = choice.rng.choice(
        ["ROLE_RUNNER", "ROLE_PREANALYTICS", "ROLE_SUPERVISOR", "ROLE_SECURITY_OFFICER"]
    )
    return Move(SYSTEM_AGENT, choice.action, {"roster": {"P_SPARE": role}})


def _inject(choice: Choice) -> Move:
    panel = choice.name(name for name, item in choice.tables.panels.items() if item.add_on is None)
    status, zone = choice.rng.choice(
        [
            ("arrived_at_reception", "Z_SRA_RECEPTION"),
            ("accepted", "Z_ACUTE_RECEPTION"),
            ("accepted", "Z_CENTRIFUGE_BAY"),
            ("separated", "Z_ALIQUOT_LABEL"),
        ]
    )
    specimen = {
        "specimen_id": f"INJECTED{choice.mark}",
        "panel_id": panel,
        "container_type": choice.tables.panels[panel].containers[0],
        "status": status,
        "zone_id": zone,
        "collection_ts_s": choice.now - 600,
        "separated_ts_s": choice.now if status == "separated" else None,
    }
    if choice.rng.random() > _MOSTLY:  # something that may not be possible
        names = [*PEOPLE, *choice.world.specimens, *choice.world.aliquots, "NOBODY"]
        odd = {
            "status": choice.rng.choice(get_args(SpecimenStatus)),
            "carried_by": choice.rng.choice(names),
            "aliquot_id": choice.rng.choice(names),
        }
        key = choice.rng.choice(list(odd))
        specimen[key] = odd[key]
    return Move(SYSTEM_AGENT, choice.action, {"specimen": specimen})


TRUST_MOVES: Final[dict[str, Recipe]] = {
    "MINT_TOKEN": _mint,
    "REVOKE_TOKEN": _revoke,
    "INVOKE_TOOL": _ask_tool,
    "LIFT_ENFORCEMENT": _lift,
    "UPDATE_ROSTER": _roster,
    "INJECT_SPECIMEN": _inject,
}
"""Action of trust and runtime control to what somebody could mean by it now."""
