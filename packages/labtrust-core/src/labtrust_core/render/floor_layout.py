"""Places zones on a plan by their graph: layers by distance from where specimens arrive.

Columns and rows are in boxes: a column is one box wide, a row one box high. Nothing is drawn here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from labtrust_core.hospital_lab.tables import LabTables


@dataclass(frozen=True, slots=True)
class Spot:
    """Where the box of a zone stands in its site: column (halves are possible) and row."""

    column: float
    row: int


def site_spots(tables: LabTables, site_id: str) -> dict[str, Spot]:
    """Return the spots of a site's zones; the leftmost column is 0, the first row is 0.

    No two boxes of a row are nearer than one column.
    """
    site = tables.sites[site_id]
    return layered(site.zones, site.arrival_zone, tables.neighbours)


def homeless_spots(tables: LabTables) -> dict[str, Spot]:
    """Return the spots of the zones that belong to no site."""
    housed = {zone for site in tables.sites.values() for zone in site.zones}
    left = [zone for zone in tables.zones if zone not in housed]
    return layered(left, left[0], tables.neighbours) if left else {}


def layered(
    zones: Sequence[str], first: str, neighbours: Mapping[str, Iterable[str]]
) -> dict[str, Spot]:
    """Return spots by layers: the row of a zone is its distance in ways from ``first``.

    What cannot be reached from there begins below what can. In a row, zones stand as near as can be
    below the mean of their neighbours in the row above.
    """
    columns: dict[str, float] = {}
    rows = _distances(zones, first, neighbours)
    for row in range(max(rows.values()) + 1):
        members = [zone for zone in zones if rows[zone] == row]
        wanted = {zone: _mean_above(zone, row, rows, columns, neighbours) for zone in members}
        members.sort(key=wanted.__getitem__)  # stable: policy's order where means agree
        columns.update(zip(members, _spread([wanted[zone] for zone in members]), strict=True))
    left = min(columns.values())
    return {zone: Spot(columns[zone] - left, rows[zone]) for zone in zones}


def _distances(
    zones: Sequence[str], first: str, neighbours: Mapping[str, Iterable[str]]
) -> dict[str, int]:
    rows: dict[str, int] = {}
    for origin in (first, *zones):
        if origin not in rows:
            rows[origin] = max(rows.values(), default=-1) + 1
            fringe = [origin]
            for zone in fringe:  # grows while it is walked
                for other in neighbours[zone]:
                    if other in zones and other not in rows:
                        rows[other] = rows[zone] + 1
                        fringe.append(other)
    return rows


def _mean_above(
    zone: str,
    row: int,
    rows: Mapping[str, int],
    columns: Mapping[str, float],
    neighbours: Mapping[str, Iterable[str]],
) -> float:
    above = [columns[item] for item in neighbours[zone] if rows.get(item) == row - 1]
    return sum(above) / len(above) if above else 0.0


def _spread(wanted: Sequence[float]) -> list[float]:
    """Return columns at least 1 apart, together as near to the wanted (sorted) ones as can be.

    Neighbours that are too near are pooled and moved apart about their common mean, until none is.
    """
    pools: list[list[float]] = []  # of wanted columns, each less its own place in the row
    for place, column in enumerate(wanted):
        pools.append([column - place])
        while len(pools) > 1 and _mean(pools[-2]) >= _mean(pools[-1]):
            last = pools.pop()
            pools[-1].extend(last)
    means = [_mean(pool) for pool in pools for _ in pool]
    return [round(2 * mean) / 2 + place for place, mean in enumerate(means)]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
