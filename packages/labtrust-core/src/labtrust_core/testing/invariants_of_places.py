"""What always holds of specimens and of where things are: people, doors, consignments, stock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Final

from labtrust_core.hospital_lab.units import DAY_S
from labtrust_core.testing.glance import Glance, StateCheck

_OPEN: Final = frozenset({"in_transit", "arrived"})


def keys_are_ids(now: Glance) -> Iterator[str]:
    """Everything is filed under its own id."""
    world = now.world
    filed: tuple[tuple[Mapping[str, object], str], ...] = (
        (world.specimens, "specimen_id"),
        (world.agents, "agent_id"),
        (world.devices, "device_id"),
        (world.runs, "run_id"),
        (world.results, "result_id"),
        (world.consignments, "consignment_id"),
        (world.investigations, "investigation_id"),
    )
    for things, name in filed:
        for key, thing in things.items():
            if getattr(thing, name) != key:
                yield f"{key} is filed in the place of {getattr(thing, name)}"


def one_place_at_a_time(now: Glance) -> Iterator[str]:
    """Every specimen is in exactly one place with one status, and the index of places says so."""
    wanted: dict[str, set[str]] = {}
    for name, specimen in now.world.specimens.items():
        wanted.setdefault(f"{specimen.place}|{specimen.status}", set()).add(name)
    for key in sorted(wanted.keys() | now.world.at.keys()):
        found = set(now.world.at.get(key, ()))
        if found != wanted.get(key):
            yield f"the index has {sorted(found)} at {key}, not {sorted(wanted.get(key, ()))}"


def places_exist(now: Glance) -> Iterator[str]:
    """Every place is a zone, a person, a device or a consignment that exists."""
    world = now.world
    known: dict[str, Mapping[str, object]] = {
        "zone": now.tables.zones,
        "agent": world.agents,
        "device": world.devices,
        "consignment": world.consignments,
    }
    for name, specimen in world.specimens.items():
        kind, _, place = specimen.place.partition(":")
        if place not in known.get(kind, ()):
            yield f"{name} is at {specimen.place}, which does not exist"


def carried_is_counted(now: Glance) -> Iterator[str]:
    """How much everybody carries is counted right."""
    places = (item.place for item in now.world.specimens.values())
    held = Counter(place for place in places if place.startswith("agent:"))
    counted = {key: n for key, n in now.world.counts.items() if key.startswith("agent:") and n}
    if dict(held) != counted:
        yield f"people carry {dict(held)}, counted are {counted}"


def nobody_carries_too_much(now: Glance) -> Iterator[str]:
    """Nobody carries more than the carry limit."""
    for name in now.world.agents:
        if now.world.carried(name) > now.tables.carry_limit:
            yield f"{name} carries {now.world.carried(name)}"


def machines_hold_what_they_work_on(now: Glance) -> Iterator[str]:
    """What is centrifuged is in a centrifuge, and what is analysed in an analyser."""
    needed = {"in_centrifuge": "centrifuge", "in_analysis": "analyser"}
    for name, specimen in now.world.specimens.items():
        kind = needed.get(specimen.status)
        where, _, device_id = specimen.place.partition(":")
        if kind is not None and (where != "device" or now.kind(device_id) != kind):
            yield f"{name} is {specimen.status} and at {specimen.place}"


def what_is_in_a_machine_is_being_worked_on(now: Glance) -> Iterator[str]:
    """In simulated time what is in a device is in its work; entered results come out first."""
    working = ("in_centrifuge", "in_analysis")
    for name, specimen in now.world.specimens.items() if now.world.simulated else ():
        if specimen.place.startswith("device:") and specimen.status not in working:
            yield f"{name} is in {specimen.place} and {specimen.status}"


def travellers_are_in_transit(now: Glance) -> Iterator[str]:
    """A specimen is in transit exactly while it is in a consignment."""
    for name, specimen in now.world.specimens.items():
        travels = specimen.place.startswith("consignment:")
        if travels != (specimen.status == "in_transit"):
            yield f"{name} is {specimen.status} at {specimen.place}"


def aliquots_are_one_to_one(now: Glance) -> Iterator[str]:
    """Every aliquot belongs to one specimen, every specimen has at most one, no id means both."""
    known = now.world.specimens
    stated = {item.aliquot_id: name for name, item in known.items() if item.aliquot_id is not None}
    having = sum(item.aliquot_id is not None for item in known.values())
    if stated != now.world.aliquots or having != len(stated):
        yield f"the aliquots are {now.world.aliquots}, the specimens state {stated}"
    for alias in now.world.aliquots.keys() & known.keys():
        yield f"{alias} is an aliquot and a specimen"


def exposures_are_in_order(now: Glance) -> Iterator[str]:
    """Changes of temperature are logged in order of time, none of them in the future."""
    for name, specimen in now.world.specimens.items():
        times = [t_s for t_s, _ in specimen.exposures]
        if any(first > second for first, second in pairwise([*times, now.now])):
            yield f"{name} was exposed at {times}, it is {now.now} s"


def exposures_end_in_the_present_band(now: Glance) -> Iterator[str]:
    """The last logged temperature band is the present one."""
    for name, specimen in now.world.specimens.items():
        if specimen.exposures and specimen.exposures[-1][1] != specimen.temp_band:
            yield f"{name} is in {specimen.temp_band}, logged is {specimen.exposures[-1][1]}"


def nothing_is_in_the_future(now: Glance) -> Iterator[str]:
    """Nothing has happened to a specimen later than now."""
    for name, item in now.world.specimens.items():
        for t_s in (item.accepted_s, item.scanned_s, item.separated_s, item.released_s):
            if t_s is not None and t_s > now.now:
                yield f"something happens to {name} at {t_s} s, it is {now.now} s"


def requests_are_counted(now: Glance) -> Iterator[str]:
    """As many requests have arrived as each stream has counted."""
    came = {item.request_id for item in now.world.specimens.values()}
    streams = Counter(request.rpartition("_")[0] for request in came)
    for name, count in now.world.arrivals.items():
        if streams[f"R_{name}"] != count:
            yield f"{streams[f'R_{name}']} requests of {name} are there, counted are {count}"


def people_are_somewhere(now: Glance) -> Iterator[str]:
    """Everybody is in a zone that exists."""
    for name, agent in now.world.agents.items():
        if agent.zone not in now.tables.zones:
            yield f"{name} is in {agent.zone}, which does not exist"


def people_get_free_again(now: Glance) -> Iterator[str]:
    """Nobody is busy for longer than a day."""
    for name, agent in now.world.agents.items():
        if agent.busy_until > now.now + DAY_S:
            yield f"{name} is busy until {agent.busy_until} s, it is {now.now} s"


def doors_open_in_the_past(now: Glance) -> Iterator[str]:
    """Every door of the floor is there, and no door has been open since later than now."""
    if now.world.doors.keys() != now.tables.doors.keys():
        yield f"the doors are {sorted(now.world.doors)}"
    for name, door in now.world.doors.items():
        if door.open_since is not None and door.open_since > now.now:
            yield f"{name} is open since {door.open_since} s, it is {now.now} s"


def doors_do_not_stay_open(now: Glance) -> Iterator[str]:
    """In simulated time no door with an alarm stands open for longer than it may."""
    if not now.world.simulated or now.trust.ledger_frozen:
        return
    for name, door in now.world.doors.items():
        rules = now.tables.doors[name]
        if door.open_since is not None and rules.alarm:
            open_s = now.now - door.open_since
            if open_s > rules.max_open_s:
                yield f"{name} has been open for {open_s} s"


def only_open_doors_are_granted(now: Glance) -> Iterator[str]:
    """A way through a restricted door is granted to somebody who exists, while it is open."""
    for name, door in now.world.doors.items():
        if door.granted_to is None:
            continue
        if door.open_since is None or door.granted_to not in now.world.agents:
            yield f"{name} is granted to {door.granted_to}, open since {door.open_since}"


def stock_is_never_negative(now: Glance) -> Iterator[str]:
    """There is a stock of every reagent, and none is below zero."""
    if now.world.stock.keys() != now.tables.reagents.keys():
        yield f"the stock is of {sorted(now.world.stock)}"
    for name, amount in now.world.stock.items():
        if amount < 0:
            yield f"{amount} of {name} are left"


def open_consignments_are_listed(now: Glance) -> Iterator[str]:
    """Listed as in transit is every consignment that is not closed, and no other."""
    unclosed = {name for name, item in now.world.consignments.items() if item.status in _OPEN}
    if unclosed != set(now.world.in_transit):
        yield f"{sorted(unclosed)} are not closed, listed are {sorted(now.world.in_transit)}"


def travellers_are_on_the_list(now: Glance) -> Iterator[str]:
    """Whatever is in a consignment is on its list, and the consignment is not closed."""
    for name, specimen in now.world.specimens.items():
        kind, _, place = specimen.place.partition(":")
        consignment = now.world.consignments.get(place) if kind == "consignment" else None
        if consignment is not None:
            if name not in consignment.specimen_ids:
                yield f"{name} is in {place} and not on its list"
            if consignment.status not in _OPEN:
                yield f"{name} is in {place}, which is {consignment.status}"


def received_consignments_are_complete(now: Glance) -> Iterator[str]:
    """What was received had arrived, with custody signed at both ends, by somebody."""
    for name, item in now.world.consignments.items():
        if item.status != "received":
            if item.received_s is not None or item.received_by is not None:
                yield f"{name} is {item.status} and received by {item.received_by}"
            continue
        if item.received_s is None or item.received_s < item.arrives_s or not item.received_by:
            yield f"{name} was received by {item.received_by} at {item.received_s} s"
        if item.signed_origin_by is None or item.signed_dest_by is None:
            yield f"{name} was received; signed: {item.signed_origin_by}, {item.signed_dest_by}"


def received_consignments_were_cold_enough(now: Glance) -> Iterator[str]:
    """What was received had never left its temperature band by the limit, nor lost its seal."""
    for name, item in now.world.consignments.items():
        limit = now.tables.routes[item.route_id].max_drift_milli_c
        if item.status == "received" and (item.worst_milli_c >= limit or not item.seal_intact):
            yield f"{name} was received after {item.worst_milli_c} m°C, seal {item.seal_intact}"


def worst_is_the_worst(now: Glance) -> Iterator[str]:
    """The worst temperature of a consignment is not milder than the present one."""
    for name, item in now.world.consignments.items():
        if item.worst_milli_c < abs(item.drift_milli_c):
            yield f"{name} is off by {item.drift_milli_c} m°C, at worst by {item.worst_milli_c}"


def trips_are_in_order(now: Glance) -> Iterator[str]:
    """A consignment is packed, leaves and arrives, in this order, on a route that exists."""
    for name, item in now.world.consignments.items():
        times = (0, item.dispatched_s, item.departs_s, item.arrives_s)
        if item.route_id not in now.tables.routes or list(times) != sorted(times):
            yield f"{name} goes by {item.route_id} at {times}"


def arrivals_are_noticed(now: Glance) -> Iterator[str]:
    """In simulated time a consignment is in transit exactly until it arrives."""
    if not now.world.simulated or now.trust.ledger_frozen:
        return
    for name, item in now.world.consignments.items():
        if (item.status == "in_transit") != (now.now < item.arrives_s):
            yield f"{name} is {item.status}, it arrives at {item.arrives_s} s, it is {now.now} s"


def racks_hold_their_specimens(now: Glance) -> Iterator[str]:
    """A rack holds something, and all that it holds says so and is where the rack is."""
    world = now.world
    for name, rack in world.racks.items():
        if not rack.specimen_ids or rack.rack_id != name:
            yield f"rack {name} holds {list(rack.specimen_ids)}"
        for specimen_id in rack.specimen_ids:
            specimen = world.specimens.get(specimen_id)
            if specimen is None or (specimen.rack_id, specimen.place) != (name, rack.place):
                yield f"{specimen_id} is in rack {name} at {rack.place} by the rack's list only"


def racked_specimens_are_in_their_rack(now: Glance) -> Iterator[str]:
    """A specimen that says it is in a rack is on the list of that rack."""
    for name, specimen in now.world.specimens.items():
        rack = now.world.racks.get(specimen.rack_id or "")
        if specimen.rack_id is not None and (rack is None or name not in rack.specimen_ids):
            yield f"{name} says that it is in rack {specimen.rack_id}"


def racks_travel_sealed(now: Glance) -> Iterator[str]:
    """A rack on the road was sealed by somebody and fits the size of racks."""
    for name, rack in now.world.racks.items():
        if rack.place.startswith("consignment:") and rack.sealed_by is None:
            yield f"rack {name} is in {rack.place} unsealed"
        if len(rack.specimen_ids) > now.tables.rack_capacity:
            yield f"rack {name} holds {len(rack.specimen_ids)}"


CHECKS: Final[tuple[StateCheck, ...]] = (
    keys_are_ids,
    one_place_at_a_time,
    places_exist,
    carried_is_counted,
    nobody_carries_too_much,
    machines_hold_what_they_work_on,
    what_is_in_a_machine_is_being_worked_on,
    travellers_are_in_transit,
    aliquots_are_one_to_one,
    exposures_are_in_order,
    exposures_end_in_the_present_band,
    nothing_is_in_the_future,
    requests_are_counted,
    people_are_somewhere,
    people_get_free_again,
    doors_open_in_the_past,
    doors_do_not_stay_open,
    only_open_doors_are_granted,
    stock_is_never_negative,
    open_consignments_are_listed,
    travellers_are_on_the_list,
    received_consignments_are_complete,
    received_consignments_were_cold_enough,
    worst_is_the_worst,
    trips_are_in_order,
    arrivals_are_noticed,
    racks_hold_their_specimens,
    racked_specimens_are_in_their_rack,
    racks_travel_sealed,
)
