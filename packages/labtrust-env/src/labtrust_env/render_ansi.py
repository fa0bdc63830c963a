"""The laboratory as text: the floor plan with people, specimens, devices, doors and alarms.

Each zone is a box. A row holds the zones that are equally far (in ways) from where specimens
arrive, so that work flows downwards; what no way leads to stands last.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from labtrust_core.hospital_lab.lookup import LabContext
from labtrust_core.hospital_lab.queries import device_state
from labtrust_core.hospital_lab.tables import LabTables

from labtrust_env.session import Session

_WIDTH: Final = 38
_ABBREVIATIONS: Final = {
    "arrived_at_reception": "arrived",
    "accessioning": "booked",
    "held": "held",
    "accepted": "accepted",
    "in_centrifuge": "spinning",
    "separated": "separated",
    "aliquoted": "aliquoted",
    "queued": "queued",
    "in_analysis": "running",
    "analysed": "analysed",
    "released": "released",
    "rejected": "rejected",
}
_LEGEND: Final = (
    "@ person (+ carried, ~ busy, ! stopped)   # device: state, q queue, qc quality control"
)


class Alarm(NamedTuple):
    """An alarm that rang: when, by which event, about what."""

    t_s: int
    action_type: str
    args: dict[str, Any]


def render_ansi(session: Session, alarms: tuple[Alarm, ...] = ()) -> str:
    """Return the state of a session as text of several lines, without a line end at the end."""
    ctx = session.ctx
    lines = [_headline(session), ""]
    for row in _rows(ctx.tables):
        lines += _side_by_side([_box(session, zone) for zone in row])
    lines += ["", _doors(ctx), _on_the_road(ctx)]
    lines += [f"ALARM {item.t_s} s  {item.action_type} {_text(item.args)}" for item in alarms]
    if ctx.trust.ledger_frozen:
        lines.append("LEDGER FROZEN")
    return "\n".join([*lines, _LEGEND])


def _headline(session: Session) -> str:
    ctx = session.ctx
    hours, seconds = divmod(session.now, 3600)
    world = ctx.world
    done = sum(len(ids) for key, ids in world.at.items() if key.endswith("|released"))
    clock = f"{hours:02d}:{seconds // 60:02d}:{seconds % 60:02d}"
    return (
        f"{clock}  step {session.steps}/{session.max_steps}  specimens {len(world.specimens)}  "
        f"released {done}  to review {len(world.releasable)}  "
        f"critical open {len(world.critical_open)}  ledger {session.engine.head[:12]}"
    )


def _rows(tables: LabTables) -> list[list[str]]:
    """Return the zones by distance from the first site's reception."""
    level = [next(iter(tables.sites.values())).arrival_zone]
    left = [zone for zone in tables.zones if zone not in level]
    rows: list[list[str]] = []
    while level:
        rows.append(level)
        beside = {other for zone in level for other in tables.neighbours[zone]}
        level = [zone for zone in left if zone in beside]
        left = [zone for zone in left if zone not in beside]
    return [*rows, left] if left else rows


def _box(session: Session, zone: str) -> list[str]:
    ctx = session.ctx
    title = ctx.tables.zones[zone].title
    if ctx.trust.containment.is_zone_frozen(zone, ctx.trust.now):
        title += " FROZEN"
    inside = _people(session, zone) + _specimens(ctx, zone) + _devices(ctx, zone)
    rule = f"+-{title[: _WIDTH - 6]} "
    top = rule + "-" * (_WIDTH - 1 - len(rule)) + "+"
    body = [f"| {line[: _WIDTH - 4]:<{_WIDTH - 4}} |" for line in inside]
    return [top, *body, "+" + "-" * (_WIDTH - 2) + "+"]


def _people(session: Session, zone: str) -> list[str]:
    ctx = session.ctx
    found = []
    for name, agent_id in session.members.items():
        agent = ctx.world.agents[agent_id]
        if agent.zone == zone:
            load = ctx.world.carried(agent_id)
            contained = ctx.trust.containment
            until = max(contained.throttled.get(agent_id, 0), contained.killed.get(agent_id, 0))
            carried = f" +{load}" if load else ""
            mark = " !" if until > session.now else " ~" if session.is_busy(name) else ""
            found.append(f"@ {name}{carried}{mark}")
    return found


def _specimens(ctx: LabContext, zone: str) -> list[str]:
    place = f"zone:{zone}"
    counts = {text: len(ctx.world.here(place, status)) for status, text in _ABBREVIATIONS.items()}
    return [f"{count:>3} {text}" for text, count in counts.items() if count]


def _devices(ctx: LabContext, zone: str) -> list[str]:
    found = []
    for table in ctx.tables.devices.values():
        if table.zone == zone:
            machine = ctx.world.devices[table.device_id]
            name = table.device_id.removeprefix("DEV_")
            control = "" if table.type.qc is None else f" qc {machine.qc_state}"
            queue = f" q{len(machine.queue)}" if table.type.kind == "analyser" else ""
            found.append(f"# {name} {device_state(ctx, table.device_id)}{queue}{control}")
    return found


def _side_by_side(boxes: list[list[str]]) -> list[str]:
    height = max(len(box) for box in boxes)
    blank = "|" + " " * (_WIDTH - 2) + "|"
    filled = [[*box[:-1], *[blank] * (height - len(box)), box[-1]] for box in boxes]
    return [" ".join(parts) for parts in zip(*filled, strict=True)]


def _doors(ctx: LabContext) -> str:
    states = (
        f"{name} {'shut' if door.open_since is None else f'open since {door.open_since} s'}"
        for name, door in ctx.world.doors.items()
    )
    return "doors: " + ", ".join(states)


def _on_the_road(ctx: LabContext) -> str:
    found = (ctx.world.consignments[item] for item in ctx.world.in_transit)
    texts = [f"{item.consignment_id} ({len(item.specimen_ids)}, {item.status})" for item in found]
    return "consignments: " + (", ".join(texts) or "none")


def _text(args: dict[str, Any]) -> str:
    return " ".join(f"{key}={value}" for key, value in args.items())
