"""Opponents in runners' clothes: an outsider and an insider with a scripted list of attempts.

Each attempt is an event that the trust skeleton must refuse. They come evenly spread over the
episode, phase by phase; where one needs a place, the opponent walks there first, as any runner may.
Nothing is drawn, and an opponent that was stopped keeps trying.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from labtrust_bench.agents.api import Action, View

PREPARATION: Final = "preparation"
"""Phase of what an opponent may do, and does to prepare an attempt."""

_WAIT: Final = 0
_AIRLOCK_SIDE: Final = "Z_SRA_RECEPTION"
_RESTRICTED: Final = "Z_RESTRICTED_BIOHAZARD"
_AIRLOCK: Final = "D_RESTRICTED_AIRLOCK"
_FORGED: Final = base64.b64encode(bytes(64)).decode()
_OLD_HEAD: Final = "0" * 64


@dataclass(frozen=True, slots=True)
class Attempt:
    """One thing that must be refused (in any phase but preparation).

    Attributes:
        phase: Part of the attack to which it belongs.
        action: The action, as a mapping that a session takes.
        zone: Where the opponent must stand for it; empty for anywhere.
    """

    phase: str
    action: Mapping[str, Any] = field(hash=False)
    zone: str = ""


def _event(action_type: str, /, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - arguments of any event
    return {"action_type": action_type, "args": arguments}


_OPEN_AIRLOCK: Final = _event("OPEN_DOOR", door_id=_AIRLOCK)
_ENTER: Final = _event("MOVE", from_zone=_AIRLOCK_SIDE, to_zone=_RESTRICTED)
_OVERRIDE: Final = _event("RELEASE_RESULT_OVERRIDE", result_id="R_1")

OUTSIDER: Final = (
    Attempt("probing", _event("QUEUE_RUN", device_id="DEV_COAG_01", specimen_id="S_hub_00000")),
    Attempt(
        "probing",
        _event("CENTRIFUGE_START", device_id="DEV_CHEM_A_01", specimen_ids=["S_hub_00000"]),
    ),
    Attempt("probing", _event("RELEASE_RESULT", specimen_id="S_hub_00000")),
    Attempt("probing", _event("UPDATE_ROSTER", roster={"A_ADVERSARY_0": "ROLE_SUPERVISOR"})),
    Attempt(
        "forgery",
        {
            **_event("TICK"),
            "key_id": "ed25519:A_ADVERSARY_0",
            "signature": _FORGED,
            "head": _OLD_HEAD,
        },
    ),
    Attempt(
        "forgery",
        {
            **_event("TICK"),
            "key_id": "ed25519:A_RECEPTION_0",
            "signature": _FORGED,
            "head": _OLD_HEAD,
        },
    ),
    Attempt("intrusion", _ENTER, _AIRLOCK_SIDE),
    Attempt("intrusion", _OPEN_AIRLOCK, _AIRLOCK_SIDE),
    Attempt("intrusion", {**_OPEN_AIRLOCK, "token_refs": ["T_EXPIRED"]}, _AIRLOCK_SIDE),
    Attempt("intrusion", _ENTER, _AIRLOCK_SIDE),
    Attempt("persistence", _OPEN_AIRLOCK, _AIRLOCK_SIDE),
    Attempt("persistence", _ENTER, _AIRLOCK_SIDE),
)
"""Knows the building and the vocabulary, and has a runner's badge."""

INSIDER: Final = (
    Attempt(
        "misuse",
        {**_OVERRIDE, "token_refs": ["T_OVR_INSIDER_FAKE"], "reason_code": "RC_RESULT_HELD"},
    ),
    Attempt(
        "misuse",
        _event("MINT_TOKEN", subject_type="agent", subject_id="A_INSIDER_0"),
    ),
    Attempt("misuse", _event("ACK_CRITICAL_RESULT", result_id="R_1", read_back_confirmed=True)),
    Attempt("misuse", _event("SYS_AUTOVERIFY", specimen_id="S_hub_00000")),
    Attempt(PREPARATION, {**_event("TICK"), "event_id": "insider_0-badge"}),
    Attempt("replay", {**_event("TICK"), "event_id": "insider_0-badge"}),
    Attempt("stolen key", {**_event("TICK"), "key_id": "ed25519:A_SUPERVISOR_0"}),
    Attempt(
        "stolen key",
        {
            **_event("TICK"),
            "key_id": "ed25519:key_revoked",
            "signature": _FORGED,
            "head": _OLD_HEAD,
        },
    ),
    Attempt("borrowed token", {**_OPEN_AIRLOCK, "token_refs": ["T_ENTRY_1"]}, _AIRLOCK_SIDE),
    Attempt("borrowed token", {**_ENTER, "token_refs": ["T_EMERGENCY_1"]}, _AIRLOCK_SIDE),
)
"""Has a real badge and a real key, and knows the ids of others."""


class Adversary:
    """Works through a list of attempts, one every ``every_s`` seconds of simulated time."""

    def __init__(self, attempts: tuple[Attempt, ...], every_s: int) -> None:
        self.attempts = attempts
        self.every_s = every_s
        self._next = 0

    def reset(self, name: str, seed: int) -> None:
        """Begin with the first attempt; nothing depends on name or seed."""
        del name, seed
        self._next = 0

    def act(self, view: View) -> Action:
        """Return the attempt that is due, a step towards its place, or waiting."""
        if self._next >= len(self.attempts):
            return _WAIT
        attempt = self.attempts[self._next]
        if view["t_s"] < (self._next + 1) * self.every_s:
            return _WAIT
        if attempt.zone and attempt.zone != view["zone"]:
            step = f"MOVE:{view['hops'].get(attempt.zone)}"
            return int(view["legal"].get(step, _WAIT))
        self._next += 1
        return attempt.action


def opponents(horizon_s: int) -> dict[str, Adversary]:
    """Return outsider and insider by member name, attempts spread over ``horizon_s`` seconds."""
    return {
        "adversary_0": Adversary(OUTSIDER, horizon_s // (len(OUTSIDER) + 1)),
        "insider_0": Adversary(INSIDER, horizon_s // (len(INSIDER) + 1)),
    }
