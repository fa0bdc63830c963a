"""What possibilities and observations are made from: the rule of how long they may be kept.

Whatever is kept stands under the *reads* that it was made from, and is found again only
where all of them are the same. ``Reads`` names them; ``READ_BY`` says which of them each verb
looks at, and ``ROW`` which of them an observation. A verb that is not listed counts as looking at
all of them. Reads are of three kinds:

- numbers of changes: of the specimens in the agent's zone, of those in its hands, and of the
  events that may have touched a result. Equal numbers mean that nothing has changed in between
  (``labtrust_core.hospital_lab.changes``);
- contents, as they are: doors, freezes, devices, stock, where work calls;
- *the clock itself*, wherever something runs against it: queued specimens within reach, which may
  spoil; what is on the road or packed for it; calls and requests that wait. What was read so is
  good for this second only.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Hashable
from typing import Final, NamedTuple

from labtrust_env.actions import MOVE_TO_WORK, ActionDef

WITHIN_REACH: Final = frozenset(
    {
        "ACCEPT_SPECIMEN",
        "ALIQUOT_CREATE",
        "ASSIGN_LANE",
        "CENTRIFUGE_END",
        "CENTRIFUGE_START",
        "CHECK_ACCEPTANCE_RULES",
        "CLOSE_DOOR",
        "CREATE_ACCESSION",
        "MOVE",
        "NOOP",
        "OPEN_DOOR",
        "QUEUE_RUN",
        "RETRIEVE",
        "SCAN_LABEL",
        "STORE",
        "TICK",
    }
)
"""Actions that touch no result; whatever is not listed may."""

ON_RESULTS: Final = frozenset(
    {
        "ACK_CRITICAL_RESULT",
        "ADD_ON_TEST",
        "AMEND_RESULT",
        "ESCALATE_CRITICAL_RESULT",
        "NOTIFY_CRITICAL_RESULT",
        "RELEASE_RESULT",
        "RELEASE_RESULT_OVERRIDE",
        "RERUN_REQUEST",
    }
)
"""Who may do one of them looks at the lists of results."""


class Reads(NamedTuple):
    """What one agent's possibilities and observation are made from.

    Attributes:
        role_id: The role that it holds.
        zone: The zone in which it stands.
        frozen: Whether that zone is frozen.
        tubes: Number of the last change among the specimens in the zone.
        hands: The agent and the number of the last change in its hands; ``None`` if they are empty.
        spoils: The clock, where a queued specimen is within reach.
        up: Which devices are up.
        devices: The state of the zone's devices and of every queue, where the role works at one.
        ways: Doors and frozen zones.
        passes: The agent, where somebody was granted a passage.
        road: Number of consignments; and the clock, where anything is on the road or packed.
        stock: Which reagents run out.
        results: The agent, the number of events that may have touched a result, and the clock where
            a call or a request waits; ``None`` if there is nothing to do or its role does none of
            it.
        call: The other zone to which work calls first.
    """

    role_id: str | None
    zone: str
    frozen: bool
    tubes: int
    hands: Hashable
    spoils: int | None
    up: Hashable
    devices: Hashable
    ways: Hashable
    passes: str | None
    road: Hashable
    stock: Hashable
    results: Hashable
    call: str | None

    def still_hold(self, role_id: str | None, zone: str) -> bool:
        """Whether they do, where no specimen and nothing that all reads share has changed."""
        return self.spoils is None and self.zone == zone and self.role_id == role_id


Kept = Callable[[Reads], Hashable]
"""Picks from all reads those under which something is kept."""


def picks(names: str) -> Kept:
    """Return what picks the reads that are named, and those of every verb."""
    every = ("role_id", "zone", "frozen")
    return operator.attrgetter(*every, *names.split())


_TUBES: Final = "tubes hands up"
_ROAD: Final = "tubes hands spoils road"
_DEVICES: Final = "tubes hands spoils up devices"
_WAYS: Final = "ways passes"
_RESULTS: Final = "results"

READ_BY: Final[dict[str, str]] = {
    "NOOP": _WAYS,
    "TICK": _WAYS,
    "MOVE": _WAYS,
    "OPEN_DOOR": _WAYS,
    "CLOSE_DOOR": _WAYS,
    "RETRIEVE": _TUBES,
    "STORE": _TUBES,
    "CREATE_ACCESSION": _TUBES,
    "CHECK_ACCEPTANCE_RULES": _TUBES,
    "ACCEPT_SPECIMEN": _TUBES,
    "SCAN_LABEL": _TUBES,
    "ASSIGN_LANE": _TUBES,
    "CENTRIFUGE_START": _DEVICES,
    "CENTRIFUGE_END": _DEVICES,
    "ALIQUOT_CREATE": _DEVICES,
    "QUEUE_RUN": _DEVICES,
    "START_RUN": _DEVICES,
    "QC_EVENT": _DEVICES,
    "REROUTE_TO_ALT_DEVICE": _DEVICES,
    "REJECT_SPECIMEN": _ROAD,
    "RACK_BUILD": _ROAD,
    "RACK_SEAL": _ROAD,
    "DISPATCH_TRANSPORT": _ROAD,
    "CHAIN_OF_CUSTODY_SIGN": _ROAD,
    "RECEIVE_TRANSPORT": _ROAD,
    "RESTOCK_REAGENT": "stock",
    "RELEASE_RESULT": _RESULTS,
    "AMEND_RESULT": _RESULTS,
    "RERUN_REQUEST": _RESULTS,
    "ADD_ON_TEST": _RESULTS,
    "NOTIFY_CRITICAL_RESULT": _RESULTS,
    "ACK_CRITICAL_RESULT": _RESULTS,
    "ESCALATE_CRITICAL_RESULT": _RESULTS,
}
_MOVE_TO_WORK: Final = "hands up ways passes road call"
"""What the default MOVE looks at; the others only at their way."""

ROW: Final = picks("tubes hands up ways results")


def names_of(action: ActionDef) -> str:
    """Return which reads an action's verb looks at, besides those of every verb."""
    if action.index == MOVE_TO_WORK:
        return _MOVE_TO_WORK
    return READ_BY.get(action.action_type, " ".join(Reads._fields))
