"""Results: release, rerun, and the calls about critical ones."""

from __future__ import annotations

from typing import Final

from labtrust_core.hospital_lab.handlers.add_ons import can_add_on
from labtrust_core.hospital_lab.handlers.amendments import amendable, to_repeat
from labtrust_core.hospital_lab.handlers.critical import (
    answered_attempt,
    escalation_from,
    redial_from,
)
from labtrust_core.hospital_lab.logistics import most_urgent
from labtrust_core.hospital_lab.lookup import LabContext, result_out
from labtrust_core.hospital_lab.quality_cascade import suspicion
from labtrust_core.hospital_lab.things import REPLACED, Agent, Result, Specimen

from labtrust_env.verbs.proposal import Proposal

_CHANNEL: Final = "phone"
_REPEATED_FOR: Final = "QC_FAIL_ACTIVE"
"""Why what is out is measured again."""


def release(ctx: LabContext, agent: Agent, _target: str) -> Proposal | None:
    """Release the most urgent specimen whose results nothing stands in the way of.

    The agent may release neither what it produced nor what it has judged the controls of.
    """
    for specimen in most_urgent(ctx, ctx.world.releasable):
        found = current_results(ctx, specimen)
        left = [item for item in found if item.status != "released"]
        if left and all(_is_first(ctx, agent, item) for item in left):
            if len(left) == len(found):
                return "RELEASE_RESULT", {"specimen_id": specimen.specimen_id}
            return "RELEASE_RESULT", {"result_id": left[0].result_id}
    return None


def _is_first(ctx: LabContext, agent: Agent, result: Result) -> bool:
    """Whether an agent may release a result, and nothing is out that it would have to amend."""
    return may_release(ctx, agent, result) and result_out(ctx.world, result) is None


def amend(ctx: LabContext, agent: Agent, _target: str) -> Proposal | None:
    """Put the first repeated result that nothing stands in the way of in the place of what is out.

    By urgency of the specimens; the rules about own work are those of a release.
    """
    for specimen in most_urgent(ctx, ctx.world.releasable):
        for result in amendable(ctx, specimen):
            if may_release(ctx, agent, result, "AMEND_RESULT"):
                return "AMEND_RESULT", {
                    "result_id": result.result_id,
                    "reason_code": _REPEATED_FOR,
                }
    return None


def add_on(ctx: LabContext, _agent: Agent, _target: str) -> Proposal | None:
    """Book the oldest request for a further test on a tube that still keeps."""
    for specimen_id, panel_id in ctx.world.add_ons.items():
        if can_add_on(ctx, ctx.world.specimens[specimen_id], panel_id):
            return "ADD_ON_TEST", {"specimen_id": specimen_id, "panel_id": panel_id}
    return None


def current_results(ctx: LabContext, specimen: Specimen) -> list[Result]:
    """Return a specimen's results that no later one has replaced."""
    known = (ctx.world.results[item] for item in specimen.results)
    return [item for item in known if item.status not in REPLACED]


def may_release(
    ctx: LabContext, agent: Agent, result: Result, action: str = "RELEASE_RESULT"
) -> bool:
    """Whether a result is open, acknowledged if critical, under control, and not own work."""
    if result.status != "generated":
        return False
    if result.awaits_call():
        return False
    machine = ctx.world.devices.get(result.device_id or "")
    if suspicion(machine, result.analyte) != "pass":
        return False
    forbidden = ctx.policy.roles.incompatible_duties.get(action, ())
    run = ctx.world.runs.get(result.run_id or "")
    produced = run is not None and run.started_by == agent.agent_id
    judged = machine is not None and agent.agent_id in machine.qc_agents
    duties = {"PRODUCED_RESULT": produced, "QUALITY_CONTROLLED": judged}
    return not any(duties.get(duty, False) for duty in forbidden)


def rerun(ctx: LabContext, _agent: Agent, _target: str) -> Proposal | None:
    """Ask for the most urgent specimen with a held result to be measured again.

    Where there is none, for what is out and was measured shortly before controls failed.
    """
    for specimen in most_urgent(ctx, ctx.world.releasable):
        for item in specimen.results:
            result = ctx.world.results[item]
            if result.status == "held":
                reason = result.hold_reason or "QC_FAIL_ACTIVE"
                return "RERUN_REQUEST", {"result_id": item, "reason_code": reason}
    doubtful = to_repeat(ctx)
    if doubtful is None:
        return None
    return "RERUN_REQUEST", {"result_id": doubtful.result_id, "reason_code": _REPEATED_FOR}


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
