"""Reception.

Accession, the acceptance check, and the decision to accept, hold or reject a specimen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from labtrust_core.engine.domain import Guard, Handler
from labtrust_core.event import Blocked, Event
from labtrust_core.hospital_lab.handlers.transport import consignment_here, turn_away
from labtrust_core.hospital_lab.lookup import (
    LabContext,
    acting_agent,
    agent_zone,
    is_within_reach,
    named_specimens,
    note_fate,
    specimens,
)
from labtrust_core.hospital_lab.things import Agent, Specimen, SpecimenStatus

_UNDECIDED: Final = frozenset({"arrived_at_reception", "accessioning"})
_NOT_YET_RUN: Final = frozenset({*_UNDECIDED, "accepted", "separated", "aliquoted"})

ALLOWED_FROM: Final[dict[str, frozenset[str]]] = {
    "CREATE_ACCESSION": frozenset({"arrived_at_reception"}),
    "CHECK_ACCEPTANCE_RULES": frozenset({"accessioning", "held"}),
    "ACCEPT_SPECIMEN": frozenset({"accessioning", "held"}),
    "ASSIGN_LANE": frozenset({"accepted", "separated", "aliquoted"}),
    "HOLD_SPECIMEN": _NOT_YET_RUN,
    "REJECT_SPECIMEN": _NOT_YET_RUN | {"held", "queued", "in_transit"},
}
"""From which statuses of a specimen each action may start."""

PER_SPECIMEN: Final = frozenset({*ALLOWED_FROM, "SCAN_LABEL"})
"""Actions whose handling time counts for each specimen: reception looks at one tube at a time."""

LATE_STAT: Final = "REQ_MISSING_STAT_ESCALATION"

Finding = tuple[Callable[[LabContext, Specimen], bool], SpecimenStatus, str]


def specimen_known(ctx: LabContext, event: Event) -> None:
    """Do the specimens exist?"""
    ids = named_specimens(ctx, event)
    unknown = [item for item in ids if item not in ctx.world.specimens]
    if unknown or not ids:
        raise Blocked(
            "RC_SPECIMEN_UNKNOWN",
            f"there is no specimen {unknown[0] if unknown else '(none named)'}",
        )


def specimen_here(ctx: LabContext, event: Event) -> None:
    """Does the agent have the specimens in hand or in its zone?

    What has arrived in a consignment can be rejected out of it, and nothing else.
    """
    agent = acting_agent(ctx, event)
    for specimen in specimens(ctx, event):
        if agent is None or not (
            is_within_reach(specimen, agent) or _can_turn_away(ctx, event, specimen, agent)
        ):
            raise Blocked(
                "RC_SPECIMEN_NOT_HERE", f"specimen {specimen.specimen_id} is at {specimen.place}"
            )


def _can_turn_away(ctx: LabContext, event: Event, specimen: Specimen, agent: Agent) -> bool:
    rejects = event.action_type == "REJECT_SPECIMEN"
    return rejects and consignment_here(ctx, specimen, agent.zone) is not None


def specimen_status(ctx: LabContext, event: Event) -> None:
    """May this be done with a specimen in its status?"""
    allowed = ALLOWED_FROM[event.action_type]
    for specimen in specimens(ctx, event):
        if specimen.status not in allowed:
            raise Blocked(
                "RC_SPECIMEN_STATUS", f"specimen {specimen.specimen_id} is {specimen.status}"
            )


def acceptance_checked(ctx: LabContext, event: Event) -> None:
    """Have the acceptance rules been checked?"""
    for specimen in specimens(ctx, event):
        if not specimen.checked:
            raise Blocked(
                "RC_ACCEPTANCE_NOT_CHECKED", f"specimen {specimen.specimen_id} has not been checked"
            )


def reason_given(_ctx: LabContext, event: Event) -> None:
    """Does the event say why?"""
    if not (event.reason_code or event.text("reason_code")):
        raise Blocked("AUDIT_MISSING_REASON_CODE", f"{event.action_type} needs a reason code")


def create_accession(ctx: LabContext, event: Event) -> None:
    """Book specimens in."""
    for specimen in specimens(ctx, event):
        ctx.world.set_status(specimen, "accessioning")
    ctx.emit("CREATE_ACCESSION")


def check_acceptance_rules(ctx: LabContext, event: Event) -> None:
    """Look at specimens.

    In simulated time the label is read; else the event says whether it matches. No is final.
    """
    for specimen in specimens(ctx, event):
        matches = (
            specimen.identity_ok if ctx.world.simulated else event.args.get("id_match") is not False
        )
        specimen.checked = True
        specimen.id_match = matches and specimen.id_match is not False
        ctx.world.changes.note(specimen.place)
    ctx.emit("CHECK_ACCEPTANCE_RULES")


def accept_specimen(ctx: LabContext, event: Event) -> None:
    """Apply the acceptance rules.

    A specimen is accepted, held or rejected, each with its own reason.
    """
    for specimen in specimens(ctx, event):
        status, reason = _decision(ctx, specimen)
        ctx.world.set_status(specimen, status, reason)
        note_fate(ctx, f"{status}_specimens", specimen.specimen_id)
        ctx.emit(_DECIDED[status])
        if status == "accepted":
            specimen.accepted_s = ctx.now
            _note_late_stat(ctx, specimen)
        else:
            ctx.data.setdefault("reasons", {})[specimen.specimen_id] = reason
    if not ctx.emits:
        ctx.emit("ACCEPT_SPECIMEN")


def _note_late_stat(ctx: LabContext, specimen: Specimen) -> None:
    """Note that a STAT tube lay too long at reception; it is accepted all the same."""
    waited = ctx.now - specimen.arrived_s
    if specimen.priority == "STAT" and waited > ctx.tables.stat_acceptance_goal_s:
        ctx.data.setdefault("warnings", {})[specimen.specimen_id] = LATE_STAT


def _decision(ctx: LabContext, specimen: Specimen) -> tuple[SpecimenStatus, str | None]:
    for applies, status, reason in ACCEPTANCE_RULES:
        if applies(ctx, specimen):
            return status, reason
    return "accepted", None


def hold_specimen(ctx: LabContext, event: Event) -> None:
    """Put specimens aside."""
    for specimen in specimens(ctx, event):
        ctx.world.set_status(specimen, "held", _reason(event))
        note_fate(ctx, "held_specimens", specimen.specimen_id)
    ctx.emit("HOLD_SPECIMEN")


def reject_specimen(ctx: LabContext, event: Event) -> None:
    """Reject specimens for good.

    One that waits for a device leaves its queue, one in a rack or an arrived consignment leaves it.
    """
    for specimen in specimens(ctx, event):
        for machine in ctx.world.devices.values():
            if specimen.specimen_id in machine.queue.waiting:
                machine.queue.remove(specimen.specimen_id)
        consignment = consignment_here(ctx, specimen, agent_zone(ctx, event))
        if consignment is not None:
            turn_away(ctx, specimen, consignment)
        elif specimen.rack_id is not None:
            ctx.world.unpack(specimen)
        ctx.world.set_status(specimen, "rejected", _reason(event))
        note_fate(ctx, "rejected_specimens", specimen.specimen_id)
    ctx.emit("REJECT_SPECIMEN")


def _reason(event: Event) -> str | None:
    return event.reason_code or event.text("reason_code") or None


def _is_wrong_container(ctx: LabContext, specimen: Specimen) -> bool:
    return specimen.container_type not in ctx.tables.panels[specimen.panel_id].containers


def _is_underfilled(ctx: LabContext, specimen: Specimen) -> bool:
    return (
        ctx.tables.panels[specimen.panel_id].needs_citrate_fill and specimen.fill_ratio_ok is False
    )


def _is_too_old(ctx: LabContext, specimen: Specimen) -> bool:
    limit = ctx.tables.stability[specimen.panel_id].collection_to_arrival_s
    return limit is not None and specimen.arrived_s - specimen.collected_s > limit


ACCEPTANCE_RULES: Final[tuple[Finding, ...]] = (
    (
        lambda _ctx, specimen: specimen.unlabelled and specimen.request_missing,
        "rejected",
        "ID_UNATTRIBUTABLE",
    ),
    (lambda _ctx, specimen: specimen.unlabelled, "rejected", "RC_UNLABELLED"),
    (lambda _ctx, specimen: specimen.id_match is False, "rejected", "ID_MISMATCH"),
    (lambda _ctx, specimen: specimen.label_issue, "rejected", "RC_LABEL_MISMATCH"),
    (lambda _ctx, specimen: specimen.leak or specimen.hazard, "rejected", "INT_LEAKING"),
    (lambda _ctx, specimen: specimen.request_missing, "held", "REQ_MISSING_OR_INCOMPATIBLE"),
    (_is_wrong_container, "held", "CNT_WRONG_CONTAINER"),
    (_is_underfilled, "held", "CNT_CITRATE_FILL_INVALID"),
    (lambda _ctx, specimen: specimen.clot, "held", "INT_CLOTTED"),
    (lambda _ctx, specimen: specimen.hemolysis, "held", "INT_HEMOLYSED"),
    (lambda _ctx, specimen: specimen.insufficient_volume, "held", "INT_INSUFFICIENT_VOLUME"),
    (_is_too_old, "held", "TIME_EXPIRED"),
)
"""What is wrong with a tube, in the order in which it counts.

Finding, what happens, and the reason noted.
"""

_DECIDED: Final = {
    "accepted": "ACCEPT_SPECIMEN",
    "held": "HOLD_SPECIMEN",
    "rejected": "REJECT_SPECIMEN",
}

GUARDS: Final[dict[str, Guard]] = {
    "specimen_known": specimen_known,
    "specimen_here": specimen_here,
    "specimen_status": specimen_status,
    "acceptance_checked": acceptance_checked,
    "reason_given": reason_given,
}

HANDLERS: Final[dict[str, Handler]] = {
    "CREATE_ACCESSION": create_accession,
    "CHECK_ACCEPTANCE_RULES": check_acceptance_rules,
    "ACCEPT_SPECIMEN": accept_specimen,
    "HOLD_SPECIMEN": hold_specimen,
    "REJECT_SPECIMEN": reject_specimen,
}

CODES: Final = frozenset(
    {
        "RC_SPECIMEN_UNKNOWN",
        "RC_SPECIMEN_NOT_HERE",
        "RC_SPECIMEN_STATUS",
        "RC_ACCEPTANCE_NOT_CHECKED",
        "AUDIT_MISSING_REASON_CODE",
        LATE_STAT,
        *(reason for _, _, reason in ACCEPTANCE_RULES),
    }
)

EMITS: Final = frozenset({"CREATE_ACCESSION", "CHECK_ACCEPTANCE_RULES", *_DECIDED.values()})
