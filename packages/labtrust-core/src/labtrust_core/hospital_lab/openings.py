"""What a scenario may find in the laboratory when it opens: results, racks, stock, and trouble."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from labtrust_core.errors import ScenarioError
from labtrust_core.hospital_lab.breakdowns import schedule_outage
from labtrust_core.hospital_lab.handlers.critical import open_call
from labtrust_core.hospital_lab.handlers.results import read_quantity
from labtrust_core.hospital_lab.tables import LabTables
from labtrust_core.hospital_lab.things import Rack, Result
from labtrust_core.hospital_lab.world import LabWorld
from labtrust_core.randomness import stream


class RackInput(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A transport rack that is packed already, in the zone where its specimens are."""

    rack_id: str
    specimen_ids: list[str]
    sealed_by: str | None = None


class ResultInput(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A result that is there already and waits for a person, measured at 0 s."""

    result_id: str
    specimen_id: str
    analyte_code: str
    value: str


def enter_results(tables: LabTables, stated: Sequence[ResultInput], world: LabWorld) -> None:
    """Enter results; the calls about critical ones are open.

    Raises:
        ScenarioError: One names something unknown, is no number, or its id is taken.
    """
    for number, item in enumerate(stated):
        path = f"results[{number}]"
        require_known(item.specimen_id, world.specimens, f"{path}.specimen_id")
        require_known(item.analyte_code, tables.analytes, f"{path}.analyte_code")
        quantity = read_quantity(item.value)
        if quantity is None or item.result_id in world.results:
            raise ScenarioError("no number, or a result id used twice", path=path, found=item.value)
        table = tables.analytes[item.analyte_code]
        value = table.scaled(quantity)
        result = Result(
            result_id=item.result_id,
            specimen_id=item.specimen_id,
            run_id=None,
            device_id=None,
            analyte=item.analyte_code,
            value=value,
            unit=table.unit,
            generated_s=0,
            criticality=table.classify(value),
        )
        world.results[item.result_id] = result
        specimen = world.specimens[item.specimen_id]
        specimen.results.append(item.result_id)
        if specimen.status == "analysed":
            world.releasable[item.specimen_id] = None
        if result.criticality != "NONE":
            open_call(tables, world, result)


def pack_racks(stated: Sequence[RackInput], world: LabWorld) -> None:
    """Pack racks where their specimens are.

    Raises:
        ScenarioError: One is empty, named twice, in two places, or holds what there is not or what
            another holds.
    """
    for number, item in enumerate(stated):
        path = f"racks[{number}]"
        if item.rack_id in world.racks or not item.specimen_ids:
            raise ScenarioError("a rack twice, or with nothing in it", path=path)
        for specimen_id in item.specimen_ids:
            require_known(specimen_id, world.specimens, f"{path}.specimen_ids")
            if world.specimens[specimen_id].rack_id is not None:
                raise ScenarioError("specimen in two racks", path=path, found=specimen_id)
            world.specimens[specimen_id].rack_id = item.rack_id
        places = {world.specimens[name].place for name in item.specimen_ids}
        if len(places) > 1:
            raise ScenarioError("a rack in two places", path=path, found=", ".join(sorted(places)))
        ids = dict.fromkeys(item.specimen_ids)
        world.racks[item.rack_id] = Rack(item.rack_id, places.pop(), ids, item.sealed_by)


class OutageInput(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A fault to come: from ``begins_s``, and up to ``jitter_s`` later by the seed (seconds)."""

    device_id: str
    begins_s: int
    lasts_s: int
    jitter_s: int = 0


def schedule_outages(tables: LabTables, stated: Sequence[OutageInput], world: LabWorld) -> None:
    """Put faults that are known beforehand on the agenda.

    Raises:
        ScenarioError: One names no device, has no length, or there is no clockwork to begin it.
    """
    for number, item in enumerate(stated):
        path = f"outages[{number}]"
        require_known(item.device_id, tables.devices, f"{path}.device_id")
        if not world.simulated or item.lasts_s < 1 or min(item.begins_s, item.jitter_s) < 0:
            raise ScenarioError(
                "no such outage",
                path=path,
                found=f"{item.lasts_s} s from {item.begins_s} s, at most {item.jitter_s} s later",
                expected="simulated time; a length above 0, times of 0 or more",
            )
        later_s = stream(world.seed, "outage").below(item.jitter_s + 1, item.device_id, number)
        schedule_outage(world, item.device_id, item.begins_s + later_s, item.lasts_s)


def set_stock(
    tables: LabTables, stock: Mapping[str, int], lead_s: Mapping[str, int], world: LabWorld
) -> None:
    """Set what there is of reagents, and how long their deliveries take.

    Raises:
        ScenarioError: There is no such reagent, a number is below 0, or deliveries are to take time
            where there is no clockwork to bring them.
    """
    if lead_s and not world.simulated:
        raise ScenarioError("no deliveries in explicit time", path="reagent_lead_s")
    stated = {"reagent_initial_stock": stock, "reagent_lead_s": lead_s}
    for part, amounts in stated.items():
        for reagent_id, amount in amounts.items():
            require_known(reagent_id, tables.reagents, part)
            if amount < 0:
                raise ScenarioError(
                    "below zero",
                    path=f"{part}.{reagent_id}",
                    found=str(amount),
                    expected="0 or more",
                )
    world.stock.update(stock)
    world.reagent_lead_s.update(lead_s)


def schedule_downtime(windows: Sequence[tuple[int, int]], world: LabWorld) -> None:
    """Put the windows of downtime on the agenda.

    Raises:
        ScenarioError: A window is empty, overlaps the one before it or the state at the start, or
            there is no clockwork to begin it.
    """
    over_s = 0
    for number, (begin_s, end_s) in enumerate(windows):
        if not (world.simulated and over_s <= begin_s < end_s) or world.downtime:
            raise ScenarioError(
                "no such window of downtime",
                path=f"downtime[{number}]",
                found=f"{begin_s} to {end_s}",
                expected="simulated time; windows in order, begin before end, none from the start",
            )
        over_s = end_s
        world.schedule(begin_s, "SYS_DOWNTIME_BEGIN", "")
        world.schedule(end_s, "SYS_DOWNTIME_END", "")


def require_known(name: str, known: Collection[str], path: str) -> None:
    """Refuse a name that is not known.

    Raises:
        ScenarioError: It is not.
    """
    if name not in known:
        raise ScenarioError(
            "unknown name", path=path, found=name, expected=", ".join(sorted(known))
        )
