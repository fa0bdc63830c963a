"""What happens to a consignment on the road: departure, delay, temperature, seal.

Draws are counter-based on the consignment; temperatures are integers of milli-degrees Celsius.
"""

from __future__ import annotations

from typing import NamedTuple

from labtrust_core.hospital_lab.documents.catalogue import TemperatureBand
from labtrust_core.hospital_lab.documents.floor import Climate, Departures, Route
from labtrust_core.hospital_lab.things import Consignment
from labtrust_core.hospital_lab.units import DAY_S
from labtrust_core.hospital_lab.world import LabWorld
from labtrust_core.randomness import stream

_COLDEST_S = 3 * 3_600
_HALF_DAY_S = DAY_S // 2


class Trip(NamedTuple):
    """When a consignment leaves, when it is expected, and when it really arrives."""

    departs_s: int
    expected_s: int
    arrives_s: int


def departs_in_s(departures: Departures | None, time_of_day_s: int) -> int:
    """Return the seconds until the next departure; 0 where a courier comes when called."""
    if departures is None:
        return 0
    if time_of_day_s <= departures.first_s:
        return departures.first_s - time_of_day_s
    wait_s = (departures.first_s - time_of_day_s) % departures.headway_s
    if time_of_day_s + wait_s <= departures.last_s:
        return wait_s
    return DAY_S + departures.first_s - time_of_day_s


def plan_trip(world: LabWorld, route: Route, consignment_id: str, number: int, now_s: int) -> Trip:
    """Return a consignment's trip; in explicit time it leaves at once and takes the mean."""
    if not world.simulated:
        return Trip(now_s, now_s + route.mean_s, now_s + route.mean_s)
    departs_s = now_s + departs_in_s(route.departures, world.time_of_day(now_s))
    travel = stream(world.seed, "transport").normal_milli(route.mean_s, route.sd_s, number)
    delays = stream(world.seed, "transport/delay")
    late_s = world.delay_trips_s
    if delays.chance_ppm(route.delay_ppm, consignment_id):
        late_s += delays.exponential_s(route.mean_delay_s, consignment_id, 1)
    return Trip(departs_s, departs_s + route.mean_s, departs_s + max(1, travel) + late_s)


def load(world: LabWorld, route: Route, band: TemperatureBand, consignment: Consignment) -> None:
    """Settle what the road will do to a consignment: start temperature, seal, failure of the box.

    In explicit time the box is in the middle of its band, and nothing fails but what the scenario
    wants to fail.
    """
    consignment.box_milli_c = (band.min_milli_c + band.max_milli_c) // 2
    consignment.seal_intact = not world.break_seals
    consignment.box_failed = world.fail_boxes
    if world.simulated:
        name = consignment.consignment_id
        draws = stream(world.seed, "transport/box")
        consignment.box_milli_c = band.min_milli_c + draws.below(
            band.max_milli_c - band.min_milli_c + 1, name
        )
        consignment.box_failed |= draws.chance_ppm(route.climate.failure_ppm, name, 1)
        consignment.seal_intact &= not draws.chance_ppm(route.seal_break_ppm, name, 2)


def outside_milli_c(climate: Climate, time_of_day_s: int) -> int:
    """Return the outside temperature: a triangle over the day, coldest at 03:00."""
    since_coldest = (time_of_day_s - _COLDEST_S) % DAY_S
    warmth_s = min(since_coldest, DAY_S - since_coldest)  # 0 at the coldest, half a day at 15:00
    swing = climate.outside_swing_milli_c
    return climate.outside_mean_milli_c - swing + 2 * swing * warmth_s // _HALF_DAY_S


def drift(
    world: LabWorld, route: Route, band: TemperatureBand, consignment: Consignment, tick: TickAt
) -> None:
    """Let a box follow the outside temperature for one tick, with noise."""
    climate = route.climate
    consignment.ticks += 1
    constant_s = climate.failed_box_s if consignment.box_failed else climate.box_s
    outside = outside_milli_c(climate, world.time_of_day(tick.now_s))
    noise = stream(world.seed, "drift").below(
        2 * route.drift_step_milli_c + 1, consignment.consignment_id, consignment.ticks
    )
    # one step of Newton's law of cooling, rounded to the nearest milli-degree
    step = 2 * (outside - consignment.box_milli_c) * min(tick.length_s, constant_s)
    consignment.box_milli_c += (step + constant_s) // (2 * constant_s)
    consignment.box_milli_c += noise - route.drift_step_milli_c
    consignment.drift_milli_c = outside_band(band, consignment.box_milli_c)
    consignment.worst_milli_c = max(consignment.worst_milli_c, abs(consignment.drift_milli_c))


class TickAt(NamedTuple):
    """When a temperature reading is taken, and how long after the one before it."""

    now_s: int
    length_s: int


def outside_band(band: TemperatureBand, milli_c: int) -> int:
    """Return how far a temperature lies above (positive) or below its band; 0 within it."""
    return max(0, milli_c - band.max_milli_c) - max(0, band.min_milli_c - milli_c)
