"""The state of the warehouse, and how a scenario describes where it starts.

Everything is a whole number or a text, so the digest is the SHA-256 of the state's canonical form.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from labtrust_core.engine.context import Context
from labtrust_core.errors import ScenarioError

from warehouse_domain.tables import Tables

PalletStatus = Literal["EXPECTED", "ANNOUNCED", "RECEIVED", "QUARANTINED", "DISPATCHED"]


class Pallet(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One pallet. ``zone_id`` is empty before receipt and after dispatch; times in seconds.

    Attributes:
        at_dock_since_s: Since when it has stood at the dock; ``None`` elsewhere.
        handlers: Agent id to the duties that it has had on this pallet.
    """

    pallet_id: str
    sku: str
    cases: int
    status: PalletStatus = "ANNOUNCED"
    zone_id: str = ""
    at_dock_since_s: int | None = None
    handlers: dict[str, list[str]] = {}


class SkuLedger(msgspec.Struct):
    """Cases of one SKU that came in and went out since the start."""

    received: int = 0
    picked: int = 0
    dispatched: int = 0


class Due(msgspec.Struct, order=True, frozen=True):
    """Something that will happen by itself; ties are broken by action, then subject."""

    t_s: int
    action_type: str
    subject: str


class World(msgspec.Struct):
    """The warehouse."""

    temperatures: dict[str, int]
    pallets: dict[str, Pallet] = {}
    stock: dict[str, SkuLedger] = {}
    open_doors: dict[str, int] = {}
    due: list[Due] = []
    drifts: int = 0

    def on_hand(self, zone_id: str) -> list[Pallet]:
        """Return the pallets in a zone."""
        return [pallet for pallet in self.pallets.values() if pallet.zone_id == zone_id]


class Arrival(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """A pallet that is announced at ``t_s``, in simulated time."""

    t_s: int
    pallet_id: str
    sku: str
    cases: int


class Start(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """The domain's part of a scenario's initial state.

    Attributes:
        pallets: Pallets that are there, or announced, already.
        temperatures: Zone id to temperature; by default the middle of each zone's band.
        arrivals: Pallets that will be announced.
        drift: Whether temperatures drift, in simulated time.
        tokens: The trust skeleton's own part, read by the engine.
    """

    pallets: list[Pallet] = []
    temperatures: dict[str, int] = {}
    arrivals: list[Arrival] = []
    drift: bool = False
    tokens: list[Any] = []


WarehouseContext = Context[World, Tables]


def new_world(tables: Tables, scenario: Mapping[str, Any]) -> tuple[World, Start]:
    """Return the state that a scenario starts from, without its agenda.

    Raises:
        ScenarioError: The scenario is malformed, or names a zone or SKU that policy does not know.
    """
    try:
        start = msgspec.convert(dict(scenario), Start)
    except msgspec.ValidationError as error:
        raise ScenarioError(str(error), path="initial_state") from error
    temperatures = {
        zone_id: (zone.low_mc + zone.high_mc) // 2 for zone_id, zone in tables.zones.items()
    }
    for zone_id in start.temperatures:
        if zone_id not in temperatures:
            raise ScenarioError("unknown zone", path="initial_state.temperatures", found=zone_id)
    world = World(temperatures | start.temperatures)
    for sku in tables.products:
        world.stock[sku] = SkuLedger()
    arrivals = [
        Pallet(pallet_id=item.pallet_id, sku=item.sku, cases=item.cases, status="EXPECTED")
        for item in start.arrivals
    ]
    for pallet in (*start.pallets, *arrivals):
        _check_pallet(tables, world, pallet)
        world.pallets[pallet.pallet_id] = pallet
        if pallet.status in {"RECEIVED", "QUARANTINED", "DISPATCHED"}:
            world.stock[pallet.sku].received += pallet.cases
        if pallet.status == "DISPATCHED":
            world.stock[pallet.sku].dispatched += pallet.cases
    return world, start


def _check_pallet(tables: Tables, world: World, pallet: Pallet) -> None:
    path = "initial_state.pallets"
    if pallet.sku not in tables.products:
        raise ScenarioError("unknown SKU", path=path, found=pallet.sku)
    if pallet.cases < 1:
        raise ScenarioError("a pallet holds cases", path=path, found=str(pallet.cases))
    in_store = pallet.status in {"RECEIVED", "QUARANTINED"}
    if in_store != (pallet.zone_id in tables.zones):
        raise ScenarioError("status and zone contradict", path=path, found=pallet.pallet_id)
    if pallet.pallet_id in world.pallets:
        raise ScenarioError("pallet id used twice", path=path, found=pallet.pallet_id)
