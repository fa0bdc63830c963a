"""Sensible moves of the benches: walking, carrying, reception, preanalytics, analysers."""

from __future__ import annotations

from typing import Any, Final

from labtrust_core.hospital_lab.handlers.preanalytics import ready_status
from labtrust_core.hospital_lab.logistics import MOVABLE, next_zone
from labtrust_core.hospital_lab.things import Agent, Device
from labtrust_core.testing.random_choice import NOTHING, REASON, Choice, Recipe
from labtrust_core.testing.random_shift import PEOPLE, Move

_MOSTLY, _STROLLS, _RARELY = 0.9, 0.3, 0.1


def _tube(*statuses: str, **args: object) -> Recipe:
    """Return a recipe for an action on one specimen that is in one of the statuses."""

    def recipe(choice: Choice) -> Move:
        agent_id, specimen = choice.at_tube(statuses)
        name = NOTHING if specimen is None else specimen.specimen_id
        return choice.move(agent_id, {"specimen_id": name, **args})

    return recipe


def _plain(choice: Choice) -> Move:
    return choice.move(choice.person(), {})


def _goal(choice: Choice, agent: Agent) -> str | None:
    """Return where somebody is going: with what is carried, or home."""
    for specimen in choice.world.specimens.values():
        if specimen.place == f"agent:{agent.agent_id}":
            return next_zone(choice.ctx, specimen) or PEOPLE[agent.agent_id][1]
    return PEOPLE[agent.agent_id][1]


def _is_runner(agent: Agent) -> bool:
    return PEOPLE.get(agent.agent_id, ("",))[0] == "ROLE_RUNNER"


def _walk(choice: Choice) -> Move:
    """Let somebody take a step: who carries something on, who is away from the bench back."""
    free = choice.people()
    away = [item for item in free if _goal(choice, item) not in (None, item.zone)]
    strolling = [item for item in free if _is_runner(item) or item.agent_id == "P_SUPERVISOR_1"]
    strolls = not away or choice.rng.random() < _STROLLS
    agent = choice.one(strolling if strolls else away)
    if agent is None:
        return _plain(choice)
    hop = choice.tables.next_hop[agent.zone].get(_goal(choice, agent) or agent.zone)
    if hop is None or strolls:
        hop = choice.name(choice.tables.neighbours[agent.zone])
    args: dict[str, Any] = {"from_zone": agent.zone, "to_zone": hop}
    loose = choice.lying(agent.zone, ("accepted", "released"))
    if loose and choice.rng.random() < _RARELY:
        moved = choice.rng.choice(loose).specimen_id
        args |= {"entity_type": "Specimen", "entity_id": moved}
    return choice.move(agent.agent_id, args, token_refs=_own_tokens(choice, agent.agent_id))


def _own_tokens(choice: Choice, agent_id: str) -> list[str]:
    """Return the tokens that are bound to somebody and good for the action."""
    return [
        name
        for name, token in choice.ctx.trust.tokens.items()
        if token.subject_id == agent_id and _is_good(choice, name)
    ][:1]


def _is_good(choice: Choice, token_id: str) -> bool:
    token = choice.ctx.trust.tokens[token_id]
    kind = choice.ctx.policy.tokens[token.token_type]
    alive = token.state == "ACTIVE" and token.expires_at_s >= choice.now
    return alive and choice.action in kind.actions


def _door(*, is_open: bool) -> Recipe:
    def recipe(choice: Choice) -> Move:
        doors = choice.tables.doors
        ways = [
            (name, agent.agent_id)
            for name, state in choice.world.doors.items()
            for zone in doors[name].between
            for agent in choice.people(zone)
            if (state.open_since is not None) == is_open
        ]
        found = choice.one(ways)
        if found is None:
            return choice.move(choice.person(), {"door_id": choice.name(doors)})
        door_id, agent_id = found
        tokens = _own_tokens(choice, agent_id)
        return choice.move(agent_id, {"door_id": door_id}, token_refs=tokens)

    return recipe


def _pick_up(choice: Choice) -> Move:
    """Let a runner take what has to go elsewhere; anybody anything where there is none."""
    pairs = [
        (agent, item)
        for agent in choice.people()
        if _is_runner(agent)
        for status in MOVABLE
        for item in choice.lying(agent.zone, (status,))
        if next_zone(choice.ctx, item) not in (None, agent.zone)
    ]
    found = choice.one(pairs)
    if found is None:
        agent_id, specimen = choice.at_tube(("accepted", "aliquoted", "released", "held"))
        names = [NOTHING if specimen is None else specimen.specimen_id]
        return choice.move(agent_id, {"specimen_ids": names})
    agent = found[0]
    going = [item.specimen_id for other, item in pairs if other is agent]
    return choice.move(agent.agent_id, {"specimen_ids": going[: choice.rng.randint(1, 6)]})


def _put_down(choice: Choice) -> Move:
    carried = [
        (agent, item)
        for agent in choice.people()
        for item in choice.world.specimens.values()
        if item.place == f"agent:{agent.agent_id}"
    ]
    there = [
        (agent, item)
        for agent, item in carried
        if next_zone(choice.ctx, item) in (None, agent.zone)
    ]
    found = choice.one(there if there and choice.rng.random() < _MOSTLY else carried)
    if found is None:
        return choice.move(choice.person(), {"specimen_ids": [choice.name(choice.world.specimens)]})
    return choice.move(found[0].agent_id, {"specimen_ids": [found[1].specimen_id]})


def _check(choice: Choice) -> Move:
    agent_id, specimen = choice.at_tube(("accessioning", "held"))
    args: dict[str, Any] = {"specimen_id": NOTHING if specimen is None else specimen.specimen_id}
    if not choice.world.simulated:
        args["id_match"] = choice.rng.random() < _MOSTLY
    return choice.move(agent_id, args)


def _accept(choice: Choice) -> Move:
    agent_id, specimen = choice.at_tube(("accessioning", "held"), lambda item: item.checked)
    return choice.move(
        agent_id, {"specimen_id": NOTHING if specimen is None else specimen.specimen_id}
    )


def _spin(choice: Choice) -> Move:
    device = choice.one(choice.idle("centrifuge"))
    zone = "" if device is None else device.zone
    panels = choice.tables.panels
    tubes = [
        item for item in choice.lying(zone, ("accepted",)) if panels[item.panel_id].needs_separation
    ]
    names = [item.specimen_id for item in tubes[: choice.rng.randint(1, 8)]]
    device_id = NOTHING if device is None else device.device_id
    args = {"device_id": device_id, "specimen_ids": names or [choice.name(choice.world.specimens)]}
    return choice.move(choice.person(zone), args)


def _unspin(choice: Choice) -> Move:
    spun = [
        run
        for run in choice.world.runs.values()
        if not run.unloaded and choice.tables.devices[run.device_id].type.kind == "centrifuge"
    ]
    done = [run for run in spun if run.ends_s <= choice.now]
    run = choice.one(done or spun)
    if run is None:
        return choice.move(choice.person(), {"device_id": NOTHING, "specimen_ids": []})
    zone = choice.world.devices[run.device_id].zone
    args = {"device_id": run.device_id, "specimen_ids": run.specimen_ids[:1]}
    return choice.move(choice.person(zone), args)


def _aliquot(choice: Choice) -> Move:
    device = choice.one(choice.idle("aliquoter"))
    zone = "" if device is None else device.zone
    tubes = choice.lying(zone, ("separated",))
    args = {
        "device_id": NOTHING if device is None else device.device_id,
        "specimen_id": choice.name(item.specimen_id for item in tubes),
        "aliquot_id": f"AL{choice.mark}",
    }
    return choice.move(choice.person(zone), args)


def _lane(choice: Choice) -> Move:
    agent_id, specimen = choice.at_tube(("accepted", "separated", "aliquoted"))
    panel = "" if specimen is None else specimen.panel_id
    fitting = [
        item.device_id
        for item in choice.devices("analyser")
        if panel in choice.tables.devices[item.device_id].panels
    ]
    name = NOTHING if specimen is None else specimen.specimen_id
    return choice.move(agent_id, {"specimen_ids": [name], "lane": choice.name(fitting)})


def _queue(choice: Choice) -> Move:
    pairs = [
        (device, item)
        for device in choice.devices("analyser")
        for item in choice.lying(device.zone, ("accepted", "separated", "aliquoted"))
        if item.panel_id in choice.tables.devices[device.device_id].panels
        and item.status == ready_status(choice.ctx, item)
    ]
    found = choice.one(pairs)
    if found is None:
        return choice.move(choice.person(), {"device_id": NOTHING, "specimen_id": NOTHING})
    args = {"device_id": found[0].device_id, "specimen_id": found[1].specimen_id}
    return choice.move(choice.person(found[0].zone), args)


def _reroute(choice: Choice) -> Move:
    pairs = [
        (device, other, name)
        for device in choice.devices("analyser")
        for other in choice.idle("analyser")
        for name in device.queue.waiting
        if other is not device
        and name in choice.world.specimens
        and choice.world.specimens[name].panel_id in choice.tables.devices[other.device_id].panels
    ]
    found = choice.one(pairs)
    if found is None:
        return choice.move(choice.person(), {"device_id": NOTHING, "specimen_ids": []})
    device, other, name = found
    args = {"device_id": device.device_id, "specimen_ids": [name], "lane": other.device_id}
    return choice.move(choice.person(device.zone), args)


def _start(choice: Choice) -> Move:
    waiting = [item for item in choice.idle("analyser") if item.queue.waiting]
    if choice.action == "START_RUN_OVERRIDE":
        bound = {token.subject_id for token in choice.ctx.trust.tokens.values()}
        heads = [item for item in waiting if _head(choice, item) in bound]
        waiting = heads or waiting
    device = choice.one(waiting or choice.devices("analyser"))
    if device is None:
        return _plain(choice)
    head = _head(choice, device) or NOTHING
    args = {"device_id": device.device_id, "run_id": f"RUN{choice.mark}", "specimen_ids": [head]}
    return choice.move(choice.person(device.zone), args, **_override(choice, head))


def _override(choice: Choice, subject_id: str) -> dict[str, Any]:
    """Return the fields of an event that may need tokens bound to what it is about."""
    if not choice.action.endswith("_OVERRIDE"):
        return {}
    good = [
        name
        for name, token in choice.ctx.trust.tokens.items()
        if token.subject_id == subject_id and _is_good(choice, name)
    ]
    reasons = [choice.ctx.trust.tokens[name].reason_code or "" for name in good]
    reason = reasons[0] if reasons else "TIME_EXPIRED"
    return {"token_refs": good, "reason_code": reason, "rationale": "it cannot be drawn again"}


def _head(choice: Choice, device: Device) -> str | None:
    return device.queue.head(choice.tables.stat_share_percent)


def _end(choice: Choice) -> Move:
    """Unload a run; now and then one of another device, or of a centrifuge."""
    runs = list(choice.world.runs.values())
    if choice.rng.random() < _MOSTLY:
        machines = choice.devices("analyser")
        measuring = [item for item in runs if choice.world.devices[item.device_id] in machines]
        runs = [item for item in measuring if not item.unloaded] or measuring
    run = choice.one(runs)
    if run is None:
        return choice.move(choice.person(), {"device_id": NOTHING, "run_id": NOTHING})
    device_id = run.device_id
    if choice.rng.random() < _RARELY:
        device_id = choice.name(item.device_id for item in choice.devices("analyser"))
    zone = choice.world.devices[device_id].zone
    return choice.move(choice.person(zone), {"device_id": device_id, "run_id": run.run_id})


def _control(choice: Choice) -> Move:
    bad = [item for item in choice.idle("analyser") if item.qc_state != "pass"]
    device = choice.one(bad if bad and choice.rng.random() < _MOSTLY else choice.idle("analyser"))
    if device is None:
        return _plain(choice)
    args: dict[str, Any] = {"device_id": device.device_id}
    if not choice.world.simulated:
        args["qc_outcome"] = choice.rng.choice(["pass", "pass", "pass", "drift", "fail"])
    return choice.move(choice.person(device.zone), args)


def _restock(choice: Choice) -> Move:
    return choice.move(choice.person(), {"reagent_id": choice.name(choice.tables.reagents)})


BENCH_MOVES: Final[dict[str, Recipe]] = {
    "NOOP": _plain,
    "TICK": _plain,
    "TRANSPORT_TICK": _plain,
    "MOVE": _walk,
    "OPEN_DOOR": _door(is_open=False),
    "CLOSE_DOOR": _door(is_open=True),
    "RETRIEVE": _pick_up,
    "STORE": _put_down,
    "CREATE_ACCESSION": _tube("arrived_at_reception"),
    "CHECK_ACCEPTANCE_RULES": _check,
    "ACCEPT_SPECIMEN": _accept,
    "SCAN_LABEL": _tube("accepted", "aliquoted", "queued", "separated"),
    "HOLD_SPECIMEN": _tube("accessioning", "accepted", **REASON),
    "REJECT_SPECIMEN": _tube("held", "accessioning", "queued", "in_transit", **REASON),
    "CENTRIFUGE_START": _spin,
    "CENTRIFUGE_END": _unspin,
    "ALIQUOT_CREATE": _aliquot,
    "ASSIGN_LANE": _lane,
    "QUEUE_RUN": _queue,
    "REROUTE_TO_ALT_DEVICE": _reroute,
    "START_RUN": _start,
    "START_RUN_OVERRIDE": _start,
    "END_RUN": _end,
    "QC_EVENT": _control,
    "RESTOCK_REAGENT": _restock,
}
"""Action of the benches to what somebody could mean by it now."""
