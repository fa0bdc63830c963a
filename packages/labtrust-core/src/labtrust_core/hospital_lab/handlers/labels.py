"""Labels: reading a tube's again at any stage, against its request."""

from __future__ import annotations

from typing import Final

from labtrust_core.engine.domain import Guard, Handler
from labtrust_core.event import Event
from labtrust_core.hospital_lab.handlers.reception import ALLOWED_FROM
from labtrust_core.hospital_lab.lookup import LabContext, note_fate, specimens


def scan_label(ctx: LabContext, event: Event) -> None:
    """Read the labels of specimens; one that names another patient than the request is put aside.

    Reading finds what the label shows, in either timing: what is in the tube, it cannot tell.
    """
    ctx.emit("SCAN_LABEL")
    for specimen in specimens(ctx, event):
        specimen.scanned_s = ctx.now
        ctx.world.changes.note(specimen.place)
        reason = (
            "ID_MISMATCH"
            if not specimen.identity_ok
            else "RC_LABEL_MISMATCH"
            if specimen.label_issue
            else None
        )
        if reason is None:
            continue
        specimen.id_match = False
        if specimen.status in ALLOWED_FROM["HOLD_SPECIMEN"]:
            ctx.world.set_status(specimen, "held", reason)
            note_fate(ctx, "held_specimens", specimen.specimen_id)
        ctx.data.setdefault("reasons", {})[specimen.specimen_id] = reason
    if "reasons" in ctx.data:
        ctx.emit("OPEN_INVESTIGATION_LOG")


GUARDS: Final[dict[str, Guard]] = {}

HANDLERS: Final[dict[str, Handler]] = {"SCAN_LABEL": scan_label}

CODES: Final = frozenset({"ID_MISMATCH", "RC_LABEL_MISMATCH"})

EMITS: Final = frozenset({"SCAN_LABEL", "OPEN_INVESTIGATION_LOG"})
