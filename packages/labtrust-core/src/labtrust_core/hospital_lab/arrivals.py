"""Requests that arrive by themselves, one by one or in batches, each with its tubes.

Draws are counter-based: the n-th request of a stream and its tubes, and the n-th round and its
size, are the same whatever else happens. A stream keeps two numbers: how many requests have come,
and a mark. The mark of a Poisson process is the amount of its rate that has been used up, a sum of
unit exponentials, whose inverse is the time; that of rounds is the next round's number.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from labtrust_core.event import Event
from labtrust_core.hospital_lab.lookup import LabContext, note_new, unused
from labtrust_core.hospital_lab.rates import nth_time
from labtrust_core.hospital_lab.tables import LabTables
from labtrust_core.hospital_lab.things import Specimen
from labtrust_core.hospital_lab.workloads import RoundsTable, StreamTable
from labtrust_core.hospital_lab.world import LabWorld
from labtrust_core.pseudonyms import pseudonym, synthetic_key
from labtrust_core.randomness import Stream, stream

PATIENT_DOMAIN: Final = "patient"
_MILLION: Final = 1_000_000
_THOUSAND: Final = 1_000
_DRAWS_A_TUBE: Final = 16


def schedule_first_arrivals(tables: LabTables, world: LabWorld) -> None:
    """Put the first arrival of each stream of the workload on a new world's agenda."""
    if world.workload is None:
        return
    for name, table in tables.workloads[world.workload].streams.items():
        world.arrivals[name] = 0
        if table.rate is not None:
            world.arrival_marks[name] = table.rate.amount(world.starts_at_s)
        elif table.rounds is not None:
            number = 0
            while _round_time(world, name, table.rounds, number) < 0:
                number += 1
            world.arrival_marks[name] = number
        _schedule_arrival(world, name, table, 0)


def _schedule_arrival(world: LabWorld, name: str, table: StreamTable, now_s: int) -> None:
    """Put the next arrival of a stream on the agenda, unless it comes too late."""
    at = now_s
    if table.rate is not None:
        number = world.arrivals[name]
        waited = stream(world.seed, f"arrival/{name}").exponential_s(table.rate.unit, number)
        world.arrival_marks[name] += waited
        at = table.rate.reached(world.arrival_marks[name]) - world.starts_at_s
    elif table.rounds is not None:
        at = max(at, _round_time(world, name, table.rounds, world.arrival_marks[name]))
    if at <= world.arrivals_until_s:
        world.schedule(at, "SYS_ARRIVAL", name)


def _round_time(world: LabWorld, name: str, rounds: RoundsTable, number: int) -> int:
    """Return when a round comes, in seconds of the episode."""
    draws = stream(world.seed, f"round/{name}")
    nominal = nth_time(rounds.times, number) - world.starts_at_s
    return draws.normal_milli(nominal, rounds.jitter_sd_s, number)


def _batch_size(world: LabWorld, name: str, table: StreamTable) -> int:
    """Return how many requests come now, and go on to the next round."""
    if table.rounds is None:
        return 1
    number = world.arrival_marks[name]
    world.arrival_marks[name] = number + 1
    draws = stream(world.seed, f"batch/{name}")
    rounds = table.rounds
    milli = draws.lognormal_milli(rounds.median_milli, rounds.sigma_milli, number)
    return max(1, (milli + _THOUSAND // 2) // _THOUSAND)


def arrival(ctx: LabContext, event: Event) -> None:
    """A request or a batch arrives at a site's reception; the stream's next one is scheduled."""
    world = ctx.world
    name = event.args["stream"]
    table = ctx.tables.workloads[world.workload or ""].streams[name]
    requests = _batch_size(world, name, table)
    found: list[Specimen] = []
    for _ in range(requests):
        number = world.arrivals[name]
        world.arrivals[name] = number + 1
        found += draw_request(ctx, table, name, number)
    for specimen in found:
        specimen.specimen_id = unused(specimen.specimen_id, world.specimens)
        world.add_specimen(specimen)
    _schedule_arrival(world, name, table, ctx.now)
    ctx.data["requests"] = requests
    ctx.data["source"] = table.origin_id
    note_new(ctx, found)
    ctx.emit("RECEIVE_BATCH")


def draw_request(ctx: LabContext, table: StreamTable, name: str, number: int) -> list[Specimen]:
    """Draw the ``number``-th request of a stream: one tube for each panel it asks for.

    The tubes share patient, priority and time of collection.
    """
    seed = ctx.world.seed
    origin = table.origin
    draws = stream(seed, f"request/{name}")
    panels = table.panels[draws.pick(table.weights, number, 0)]
    half_age = origin.collection_age_s // 2
    collected = ctx.now - half_age - draws.exponential_s(half_age, number, 1)
    priority = _priority(origin.stat_ppm, origin.urgent_ppm, draws.below(_MILLION, number, 2))
    patient = _patient(seed, _identifier(table, name, number, draws))
    missing = draws.chance_ppm(ctx.tables.tubes.mistakes.request_missing_ppm, number, 3)
    request_id = f"R_{name}_{number:05d}"
    tubes = []
    for index, panel_id in enumerate(panels):
        suffix = f"-{index + 1}" if index else ""
        specimen = Specimen(
            specimen_id=f"S_{name}_{number:05d}{suffix}",
            panel_id=panel_id,
            container_type=ctx.tables.tubes.faults[panel_id].container,
            specimen_type=ctx.tables.panels[panel_id].specimen_type,
            priority=priority,
            patient_id=patient,
            place=f"zone:{ctx.tables.sites[table.site].arrival_zone}",
            collected_s=collected,
            arrived_s=ctx.now,
            request_id=request_id,
            source=table.origin_id,
            request_missing=missing,
        )
        _spoil(ctx, specimen, stream(seed, f"tube/{name}"), number, index * _DRAWS_A_TUBE)
        tubes.append(specimen)
    return tubes


def _priority(stat_ppm: int, urgent_ppm: int, draw: int) -> str:
    if draw < stat_ppm:
        return "STAT"
    return "URGENT" if draw < stat_ppm + urgent_ppm else "ROUTINE"


def _identifier(table: StreamTable, name: str, number: int, draws: Stream) -> str:
    """Return who it is: one of the origin's pool, or somebody who was never here."""
    patients = table.origin.patients
    if draws.chance_ppm(patients.repeat_ppm, number, 4):
        return f"{table.origin_id}/{draws.below(patients.pool, number, 5)}"
    return f"new/{name}/{number}"


@lru_cache(maxsize=4_096)
def _patient(seed: int, identifier: str) -> str:
    return pseudonym(_key(seed), PATIENT_DOMAIN, identifier)


@lru_cache(maxsize=64)
def _key(seed: int) -> bytes:
    return synthetic_key(seed)


def _spoil(ctx: LabContext, specimen: Specimen, draws: Stream, number: int, first: int) -> None:
    """Draw what is wrong with a tube; its draws are those of the request from ``first`` on.

    Haemolysis is gross where free haemoglobin lies in its uppermost part, of the panel's share.
    """
    table = ctx.tables.tubes
    faults, mistakes = table.faults[specimen.panel_id], table.mistakes
    haem = table.free_haemoglobin

    def chance(ppm: int, draw: int) -> bool:
        return draws.chance_ppm(ppm, number, first + draw)

    label = draws.below(_MILLION, number, first)
    specimen.label_issue = label < mistakes.label_error_ppm
    specimen.unlabelled = 0 <= label - mistakes.label_error_ppm < mistakes.unlabelled_ppm
    specimen.identity_ok = not chance(mistakes.id_mismatch_ppm, 1)
    specimen.wrong_blood = chance(mistakes.wrong_blood_ppm, 2)
    specimen.leak = chance(faults.leak_ppm, 3)
    specimen.clot = chance(faults.clot_ppm, 4)
    specimen.insufficient_volume = chance(faults.insufficient_volume_ppm, 5)
    specimen.free_hb_mg_l = draws.lognormal_milli(
        haem.median_mg_l, haem.sigma_milli, number, first + 6
    )
    specimen.hemolysis = draws.below(_MILLION, number, first + 6) >= _MILLION - faults.hemolysis_ppm
    if ctx.tables.panels[specimen.panel_id].needs_citrate_fill:
        specimen.fill_ratio_ok = not chance(faults.citrate_underfill_ppm, 7)
