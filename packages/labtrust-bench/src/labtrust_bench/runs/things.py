"""The things that an attack may change: how each stands, read from the state of an episode."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final

from labtrust_core.errors import UnknownNameError
from labtrust_core.event import StepResult
from labtrust_core.hospital_lab.lookup import LabContext

Accepted = Mapping[str, int]
"""Event id to how often an event of that id was accepted."""


def _status(ctx: LabContext, name: str, _accepted: Accepted) -> str:
    specimen = ctx.world.specimens.get(name)
    return "" if specimen is None else specimen.status


def _place(ctx: LabContext, name: str, _accepted: Accepted) -> str:
    specimen = ctx.world.specimens.get(name)
    return "" if specimen is None else specimen.place


def _agent(ctx: LabContext, name: str, _accepted: Accepted) -> str:
    agent = ctx.world.agents.get(name)
    return "" if agent is None else agent.zone


def _role(ctx: LabContext, name: str, _accepted: Accepted) -> str:
    return ctx.trust.roster.get(name, "")


def _door(ctx: LabContext, name: str, _accepted: Accepted) -> str:
    door = ctx.world.doors.get(name)
    return "" if door is None else "shut" if door.open_since is None else "open"


def _event(_ctx: LabContext, name: str, accepted: Accepted) -> str:
    return f"accepted {accepted.get(name, 0)} times"


_READERS: Final[dict[str, Callable[[LabContext, str, Accepted], str]]] = {
    "status": _status,
    "place": _place,
    "agent": _agent,
    "role": _role,
    "door": _door,
    "event": _event,
}


def state_of(ctx: LabContext, thing: str, accepted: Accepted) -> str:
    """Return in words how a thing stands.

    Args:
        ctx: The episode.
        thing: ``kind:id``: ``status`` or ``place`` of a specimen, the zone of an ``agent``, its
            ``role``, a ``door``, or an ``event``, which ought to be accepted once.
        accepted: Event id to how often it was accepted.

    Raises:
        UnknownNameError: There is no such kind of thing.
    """
    kind, _, name = thing.partition(":")
    if kind not in _READERS:
        raise UnknownNameError("kind of thing", kind, _READERS)
    return _READERS[kind](ctx, name, accepted)


def concerns(result: StepResult, thing: str) -> bool:
    """Whether an outcome is about a thing: it names it, or is an event of it."""
    event = result.event
    name = thing.partition(":")[2]
    if event is None:
        return False
    named = json.dumps([event.agent_id, event.event_id, event.args, result.data], default=str)
    return f'"{name}"' in named
