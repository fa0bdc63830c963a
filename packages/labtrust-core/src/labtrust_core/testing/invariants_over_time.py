"""What always holds of a change: what one state cannot show, because it needs the one before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from labtrust_core.event import StepResult
from labtrust_core.hospital_lab.handlers.results import DRIFT_FLAG
from labtrust_core.hospital_lab.quality_cascade import suspicion
from labtrust_core.hospital_lab.things import Agent, Result, Run
from labtrust_core.testing.glance import Change, ChangeCheck, Glance

_WAITING: Final = frozenset({"accepted", "separated", "aliquoted"})
_UNDECIDED: Final = frozenset({"held", "rejected", "in_transit"})
NEXT_STATUSES: Final[dict[str, frozenset[str]]] = {
    "arrived_at_reception": _UNDECIDED | {"accessioning"},
    "accessioning": _UNDECIDED | {"accepted"},
    "held": frozenset({"accepted", "rejected"}),
    "accepted": _UNDECIDED | {"in_centrifuge", "aliquoted", "queued"},
    "in_transit": frozenset({"arrived_at_reception", "rejected"}),
    "in_centrifuge": frozenset({"separated"}),
    "separated": frozenset({"aliquoted", "queued", "held", "rejected"}),
    "aliquoted": frozenset({"queued", "held", "rejected"}),
    "queued": _WAITING | {"in_analysis", "rejected"},
    "in_analysis": _WAITING | {"analysed", "released"},
    "analysed": _WAITING | {"released"},
    "released": _WAITING,
    "rejected": frozenset(),
}
"""Status to the statuses that may follow it, also when several events lie between two looks.

Only the clockwork acts several times between two looks: it ends runs and releases.
"""

NEXT_RESULT_STATUSES: Final[dict[str, frozenset[str]]] = {
    "generated": frozenset({"held", "released", "superseded"}),
    "held": frozenset({"released", "superseded"}),
    "released": frozenset({"amended"}),
    "superseded": frozenset(),
    "amended": frozenset(),
}
"""Status of a result to those that may follow it."""


def time_does_not_run_back(change: Change) -> Iterator[str]:
    """Time never runs back."""
    if change.after.now < change.before.now:
        yield f"it was {change.before.now} s and is {change.after.now} s"


def every_event_is_one_record(change: Change) -> Iterator[str]:
    """Every event, and nothing else, adds one record to the ledger."""
    added = change.after.length - change.before.length
    if added != len(change.events):
        yield f"{len(change.events)} events, {added} records"


def refusals_change_nothing(change: Change) -> Iterator[str]:
    """A refused event changes nothing: not the laboratory, nor roles, tokens or what is used up."""
    if not change.events or any(item.accepted or item.origin != "agent" for item in _told(change)):
        return
    before, after = change.before.trust, change.after.trust
    if change.before.world != change.after.world:
        yield "the laboratory is another"
    for field in ("roster", "held", "tokens", "usage"):
        if getattr(before, field) != getattr(after, field):
            yield f"{field} changed"


def _told(change: Change) -> Iterator[StepResult]:
    return (item for item in change.events if item.origin != "enforcement")


def nothing_gets_lost(change: Change) -> Iterator[str]:
    """Whatever there was is still there: specimens, runs, results, consignments, tokens."""
    before, after = change.before.world, change.after.world
    stores: tuple[tuple[Mapping[str, object], Mapping[str, object]], ...] = (
        (before.specimens, after.specimens),
        (before.runs, after.runs),
        (before.results, after.results),
        (before.consignments, after.consignments),
        (before.investigations, after.investigations),
        (before.agents, after.agents),
        (change.before.trust.tokens, change.after.trust.tokens),
    )
    for old, new in stores:
        for name in old.keys() - new.keys():
            yield f"{name} is gone"


def specimens_come_from_somewhere(change: Change) -> Iterator[str]:
    """A specimen appears only when it arrives or is injected."""
    brought: set[str] = set()
    for result in _accepted(change):
        brought.update(result.data.get("specimen_ids", ()) if _is(result, "SYS_ARRIVAL") else ())
        if _is(result, "INJECT_SPECIMEN") and result.event is not None:
            stated = result.event.args.get("specimen", result.event.args)
            brought.add(stated["specimen_id"])
    appeared = change.after.world.specimens.keys() - change.before.world.specimens.keys()
    for name in appeared ^ brought:
        yield f"{name} appears" if name in appeared else f"{name} was to appear"


def statuses_follow_the_work(change: Change) -> Iterator[str]:
    """The status of a specimen follows the order of the work; what is rejected stays so."""
    for name, old in change.before.world.specimens.items():
        new = change.after.world.specimens.get(name)
        if new is not None and new.status not in {old.status, *NEXT_STATUSES[old.status]}:
            yield f"{name} was {old.status} and is {new.status}"


def what_is_put_aside_has_a_reason(change: Change) -> Iterator[str]:
    """A specimen that comes to be held or rejected has a reason."""
    for name, new in change.after.world.specimens.items():
        old = change.before.world.specimens.get(name)
        aside = new.status in ("held", "rejected")
        if old is not None and aside and new.status != old.status and not new.reason:
            yield f"{name} is {new.status} for no reason"


def exposures_are_only_added(change: Change) -> Iterator[str]:
    """What was logged of a specimen's temperature stays logged."""
    for name, old in change.before.world.specimens.items():
        new = change.after.world.specimens.get(name)
        if new is not None and new.exposures[: len(old.exposures)] != old.exposures:
            yield f"{name} was exposed at {old.exposures}, now {new.exposures}"


def people_walk_one_way_at_a_time(change: Change) -> Iterator[str]:
    """People go from a zone to its neighbours only."""
    for name, old in change.before.world.agents.items():
        new = change.after.world.agents.get(name)
        step = None if new is None or new.zone == old.zone else (old.zone, new.zone)
        if new is not None and step is not None and step not in change.after.tables.ways:
            yield f"{name} went from {old.zone} to {new.zone}"


def nobody_reaches_through_walls(change: Change) -> Iterator[str]:
    """What somebody moves was within reach, and ends within reach or on the road."""
    acting = [item.event for item in _told(change) if item.accepted and item.event is not None]
    agent = change.before.world.agents.get(acting[0].agent_id) if len(acting) == 1 else None
    if agent is None:
        return
    reach = _reach(change.before, agent, change.after.now)
    after = change.after.world
    reach_after = _reach(change.after, after.agents[agent.agent_id], change.after.now)
    for name, old in change.before.world.specimens.items():
        place = after.specimens[name].place if name in after.specimens else old.place
        ends_well = place in reach | reach_after or place.startswith("consignment:")
        if place != old.place and not (old.place in reach and ends_well):
            yield f"{agent.agent_id} in {agent.zone} moves {name} from {old.place} to {place}"


def _reach(state: Glance, agent: Agent, now_s: int) -> set[str]:
    places = {f"zone:{agent.zone}", f"agent:{agent.agent_id}"}
    places |= {
        f"device:{name}" for name, item in state.world.devices.items() if item.zone == agent.zone
    }
    routes = state.tables.routes
    return places | {
        f"consignment:{name}"
        for name, item in state.world.consignments.items()
        if routes[item.route_id].dest_zone == agent.zone and item.arrives_s <= now_s
    }


def runs_start_at_the_head_of_the_queue(change: Change) -> Iterator[str]:
    """A run of an analyser takes what stood at the head of its queue."""
    share = change.before.tables.stat_share_percent
    for run in _new_runs(change):
        head = change.before.world.devices[run.device_id].queue.head(share)
        if change.after.kind(run.device_id) == "analyser" and run.specimen_ids != [head]:
            yield f"run {run.run_id} takes {run.specimen_ids}, the head was {head}"


def runs_start_on_good_devices(change: Change) -> Iterator[str]:
    """No run begins on a device that is broken, serviced, stopped or failed its controls."""
    for run in _new_runs(change):
        machine = change.before.world.devices[run.device_id]
        table = change.before.tables.devices[run.device_id]
        starts_at_s = change.before.world.starts_at_s
        stopped = change.before.trust.containment.is_device_stopped(run.device_id, run.started_s)
        serviced = table.maintenance_until(run.started_s, starts_at_s) is not None
        broken = machine.fault_until > run.started_s
        if stopped or serviced or broken or machine.qc_state == "fail":
            yield f"run {run.run_id} begins on {run.device_id}, which is out of use"


def runs_keep_what_they_are(change: Change) -> Iterator[str]:
    """A run keeps its device, specimens and beginning; it may end later, never earlier."""
    for name, old in change.before.world.runs.items():
        new = change.after.world.runs.get(name)
        if new is None:
            continue
        if _of_run(old) != _of_run(new) or new.ends_s < old.ends_s or new.results_s < old.results_s:
            yield f"run {name} was {old} and is {new}"
        elif old.unloaded and not new.unloaded:
            yield f"run {name} is loaded again"


def _of_run(run: Run) -> tuple[object, ...]:
    return (run.device_id, run.unit, run.specimen_ids, run.started_s, run.started_by)


def results_keep_what_they_say(change: Change) -> Iterator[str]:
    """What was measured never changes, whatever becomes of the result."""
    for name, old in change.before.world.results.items():
        new = change.after.world.results.get(name)
        if new is not None and _of_result(old) != _of_result(new):
            yield f"{name} was {old.value} {old.unit} and is {new.value} {new.unit}"


def _of_result(result: Result) -> tuple[object, ...]:
    return (
        *(result.specimen_id, result.run_id, result.device_id, result.analyte, result.panel_id),
        *(result.value, result.unit, result.generated_s, result.criticality),
    )


def releases_are_final(change: Change) -> Iterator[str]:
    """Who released a result and when, who amends what, and who knows of it, is said once."""
    for name, old in change.before.world.results.items():
        new = change.after.world.results.get(name)
        for field in ("released_s", "released_by", "amends", "acknowledged_s"):
            said = getattr(old, field)
            if new is not None and said is not None and getattr(new, field) != said:
                yield f"{field} of {name} was {said} and is {getattr(new, field)}"


def result_statuses_follow_the_work(change: Change) -> Iterator[str]:
    """A result goes from open to out or replaced, from out to amended, and never back."""
    for name, old in change.before.world.results.items():
        new = change.after.world.results.get(name)
        if new is not None and new.status not in {old.status, *NEXT_RESULT_STATUSES[old.status]}:
            yield f"{name} was {old.status} and is {new.status}"


def nothing_is_released_against_its_controls(change: Change) -> Iterator[str]:
    """Nothing goes out whose controls failed, and what may have drifted only with a disclaimer."""
    for name, new in change.after.world.results.items():
        old = change.before.world.results.get(name)
        if new.status != "released" or (old is not None and old.status == "released"):
            continue
        state = suspicion(change.after.world.devices.get(new.device_id or ""), new.analyte)
        if state == "fail" or (state == "drift" and DRIFT_FLAG not in new.flags):
            yield f"{name} went out, controls of {new.device_id} say {state}"


def held_results_go_out_by_token(change: Change) -> Iterator[str]:
    """A held result goes out only by an event that uses up a token."""
    used = any(result.token_consumed for result in change.events)
    for name, old in change.before.world.results.items():
        new = change.after.world.results.get(name)
        if old.status == "held" and new is not None and new.status == "released" and not used:
            yield f"{name} was held and went out without a token"


def calls_are_only_added(change: Change) -> Iterator[str]:
    """Calls that were made stay on record as they were made."""
    for name, old in change.before.world.results.items():
        new = change.after.world.results.get(name)
        made = [(item.attempt_id, item.at_s, item.caller_id, item.tier) for item in old.attempts]
        if new is not None:
            kept = [
                (item.attempt_id, item.at_s, item.caller_id, item.tier) for item in new.attempts
            ]
            if kept[: len(made)] != made:
                yield f"calls about {name} were {made} and are {kept}"


def stock_is_accounted_for(change: Change) -> Iterator[str]:
    """Stock changes by what is delivered and by what runs use, and by nothing else."""
    wanted = dict(change.before.world.stock)
    for result in _accepted(change):
        if _is(result, "RESTOCK_REAGENT") and result.event is not None:
            reagent_id = result.event.args["reagent_id"]
            wanted[reagent_id] += change.after.tables.reagents[reagent_id].delivery
    for run in _new_runs(change):
        if change.after.kind(run.device_id) != "analyser":
            continue
        for name in run.specimen_ids:
            panel_id = change.before.world.specimens[name].panel_id
            use = change.after.tables.panel_reagents.get(panel_id)
            if use is not None:
                wanted[use.reagent] -= use.units
    for reagent_id, amount in wanted.items():
        if change.after.world.stock.get(reagent_id) != amount:
            found = change.after.world.stock.get(reagent_id)
            yield f"{found} of {reagent_id} are there, by the account {amount}"


def custody_is_not_unsigned(change: Change) -> Iterator[str]:
    """Custody that was signed for stays signed, and a closed consignment stays as it was closed."""
    for name, old in change.before.world.consignments.items():
        new = change.after.world.consignments.get(name)
        if new is None:
            continue
        lost = (old.signed_origin_by and not new.signed_origin_by) or (
            old.signed_dest_by and not new.signed_dest_by
        )
        if lost or (old.status in ("received", "refused") and new.status != old.status):
            yield f"{name} was {old.status} and is {new.status}, or a signature is gone"


def custody_is_signed_after_the_road(change: Change) -> Iterator[str]:
    """Nobody signs for a consignment at its far end before it has arrived."""
    for name, new in change.after.world.consignments.items():
        old = change.before.world.consignments.get(name)
        signed = old is not None and old.signed_dest_by is None and new.signed_dest_by is not None
        if signed and change.after.now < new.arrives_s:
            yield f"{name} arrives at {new.arrives_s} s and was signed for"


def used_tokens_are_used_up(change: Change) -> Iterator[str]:
    """A token that was used, and no other, is consumed; consumed and revoked ones stay so."""
    used = [name for result in change.events for name in result.token_consumed]
    revoked = [
        result.event.args.get("token_id")
        for result in _accepted(change)
        if _is(result, "REVOKE_TOKEN") and result.event is not None
    ]
    for name, old in change.before.trust.tokens.items():
        new = change.after.trust.tokens.get(name)
        uses = used.count(name)
        wanted = "CONSUMED" if uses else "REVOKED" if name in revoked else old.state
        if new is None or new.state != wanted or uses > (old.state == "ACTIVE"):
            yield f"{name} was {old.state}, was used {uses} times and is not {wanted}"


def expired_tokens_are_not_used(change: Change) -> Iterator[str]:
    """No token is used before it was issued or after it has expired."""
    for result in _accepted(change):
        for name in result.token_consumed:
            token = change.after.trust.tokens.get(name)
            t_s = -1 if result.event is None else result.event.t_s
            if token is None or not token.issued_at_s <= t_s <= token.expires_at_s:
                yield f"{name} was used at {t_s} s"


def tokens_keep_what_they_are(change: Change) -> Iterator[str]:
    """A token never changes but in being used or revoked."""
    for name, old in change.before.trust.tokens.items():
        new = change.after.trust.tokens.get(name)
        for field in old.__struct_fields__:
            if new is not None and field != "state" and getattr(new, field) != getattr(old, field):
                yield f"{field} of {name} has changed"


def duties_are_remembered(change: Change) -> Iterator[str]:
    """Which roles somebody has held is never forgotten."""
    for name, roles in change.before.trust.held.items():
        lost = roles - change.after.trust.held.get(name, set())
        if lost:
            yield f"{name} is no longer known to have held {sorted(lost)}"


def a_frozen_ledger_stops_everything(change: Change) -> Iterator[str]:
    """Once the ledger is frozen it stays so, and no event is accepted."""
    if change.before.trust.ledger_frozen:
        if not change.after.trust.ledger_frozen:
            yield "the ledger is no longer frozen"
        for result in _accepted(change):
            yield f"{result.event} was accepted on a frozen ledger"


def _accepted(change: Change) -> Iterator[StepResult]:
    return (result for result in change.events if result.accepted)


def _is(result: StepResult, action: str) -> bool:
    return result.event is not None and result.event.action_type == action


def _new_runs(change: Change) -> Iterator[Run]:
    known = change.before.world.runs
    return (run for name, run in change.after.world.runs.items() if name not in known)


CHECKS: Final[tuple[ChangeCheck, ...]] = (
    time_does_not_run_back,
    every_event_is_one_record,
    refusals_change_nothing,
    nothing_gets_lost,
    specimens_come_from_somewhere,
    statuses_follow_the_work,
    what_is_put_aside_has_a_reason,
    exposures_are_only_added,
    people_walk_one_way_at_a_time,
    nobody_reaches_through_walls,
    runs_start_at_the_head_of_the_queue,
    runs_start_on_good_devices,
    runs_keep_what_they_are,
    results_keep_what_they_say,
    releases_are_final,
    result_statuses_follow_the_work,
    nothing_is_released_against_its_controls,
    held_results_go_out_by_token,
    calls_are_only_added,
    stock_is_accounted_for,
    custody_is_not_unsigned,
    custody_is_signed_after_the_road,
    used_tokens_are_used_up,
    expired_tokens_are_not_used,
    tokens_keep_what_they_are,
    duties_are_remembered,
    a_frozen_ledger_stops_everything,
)
