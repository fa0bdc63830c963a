"""Results: release, rerun, and the calls about critical ones."""

from __future__ import annotations

from typing import Final

from labtrust_core.hospital_lab.handlers.critical import (
    answered_attempt,
    escalation_from,
    redial_from,
)
from labtrust_core.hospital_lab.logistics import most_urgent
from labtrust_core.hospital_lab.lookup import LabContext
from labtrust_core.hospital_lab.quality_cascade import suspicion
from labtrust_core.hospital_lab.things import Agent, Result, Specimen

from labtrust_env.verbs.proposal import Proposal

_CHANNEL: Final = "phone"


def release(ctx: LabContext, agent: Agent, _target: str) -> Proposal | None:
    """Release the most urgent specimen whose results nothing stands in the way of.

    The agent may release neither what it produced nor what it has judged the controls of.
    """
    for specimen in most_urgent(ctx, ctx.world.releasable):
        found = current_results(ctx, specimen)
        left = [item for item in found if item.status != "released"]
        if left and all(may_release(ctx, agent, item) for item in left):
            if len(left) == len(found):
                return "RELEASE_RESULT", {"specimen_id": specimen.specimen_id}
            return "RELEASE_RESULT", {"result_id": left[0].result_id}
    return None


def current_results(ctx: LabContext, specimen: Specimen) -> list[Result]:
    """Return a specimen's results that no later run has superseded."""
    known = (ctx.world.results[item] for item in specimen.results)
    return [item for item in known if item.status != "superseded"]


def may_release(ctx: LabContext, agent: Agent, result: Result) -> bool:
    """Whether a result is open, acknowledged if critical, under control, and not own work."""
    if result.status != "generated":
        return False
    if result.awaits_call():
        return False
    machine = ctx.world.devices.get(result.device_id or "")
    if suspicion(machine, result.analyte) != "pass":
        return False
    forbidden = ctx.policy.roles.incompatible_duties.get("RELEASE_RESULT", ())
    run = ctx.world.runs.get(result.run_id or "")
    produced = run is not None and run.started_by == agent.agent_id
    judged = machine is not None and agent.agent_id in machine.qc_agents
    duties = {"PRODUCED_RESULT": produced, "QUALITY_CONTROLLED": judged}
    return not any(duties.get(duty, False) for duty in forbidden)


def rerun(ctx: LabContext, _agent: Agent, _target: str) -> Proposal | None:
    """Ask for the most urgent specimen with a held result to be measured again."""
    for specimen in most_urgent(ctx, ctx.world.releasable):
        for item in specimen.results:
            result = ctx.world.results[item]
            if result.status == "held":
                reason = result.hold_reason or "QC_FAIL_ACTIVE"
                return "RERUN_REQUEST", {"result_id": item, "reason_code": reason}
    return None


def notify(ctx: LabContext, _agent: Agent, _target: str) -> Proposal | None:
    """Call about the critical result that has waited longest and may be called about now.

    Results without a call come first; then, at the tier reached so far, those whose calls nobody
    has answered and read back.
    """
    found = [ctx.world.results[item] for item in ctx.world.critical_open]
    new = (item for item in found if not item.attempts)
    again = (item for item in found if item.attempts and _may_redial(ctx, item))
    result = next(new, None) or next(again, None)
    if result is None:
        return None
    ladder = ctx.tables.ladder
    tier = ladder.tiers[max((item.tier for item in result.attempts), default=0)]
    modes = ladder.downtime_modes if ctx.world.downtime else tier.modes
    return "NOTIFY_CRITICAL_RESULT", {
        "result_id": result.result_id,
        "channel": _CHANNEL if _CHANNEL in modes else modes[0],
        "receiver_role": tier.role,
    }


def _may_redial(ctx: LabContext, result: Result) -> bool:
    too_early = ctx.trust.now < redial_from(ctx, result)
    return not too_early and answered_attempt(ctx, result) is None


def acknowledge(ctx: LabContext, _agent: Agent, _target: str) -> Proposal | None:
    """Note the answer about the critical result that has waited longest and was read back."""
    for result_id in ctx.world.critical_open:
        reached = answered_attempt(ctx, ctx.world.results[result_id])
        if reached is not None:
            return "ACK_CRITICAL_RESULT", {
                "result_id": result_id,
                "attempt_id": reached.attempt_id,
                "channel": reached.channel,
                "receiver_role": reached.receiver_role,
                "receiver_name_or_id": f"on duty as {reached.receiver_role}",
                "receiver_location_or_org": "ward",
                "read_back_confirmed": True,
                "outcome": ctx.tables.ladder.reached_outcomes[0],
            }
    return None


def escalate(ctx: LabContext, _agent: Agent, _target: str) -> Proposal | None:
    """Call the next tier about the first critical result whose tier has had its time in vain."""
    tiers = ctx.tables.ladder.tiers
    for result_id in ctx.world.critical_open:
        result = ctx.world.results[result_id]
        following = max((item.tier for item in result.attempts), default=len(tiers)) + 1
        waited = following < len(tiers) and escalation_from(ctx, result) <= ctx.trust.now
        if waited and answered_attempt(ctx, result) is None:
            role = tiers[following].role
            return "ESCALATE_CRITICAL_RESULT", {"result_id": result_id, "next_role": role}
    return None
