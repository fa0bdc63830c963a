"""The warehouse's invariants: each looks at the state after an event, not at the guards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from labtrust_core.event import Event
from labtrust_core.trust.invariants import Evaluator, Verdict

from warehouse_domain.world import WarehouseContext

_PASSED: Final[Verdict] = (True, None, None)


def _failed(subject: str) -> Verdict:
    return (False, None, {"subject": subject})


def pallets_in_band(env: WarehouseContext, _event: Event, _params: Mapping[str, Any]) -> Verdict:
    """INV-WH-001: no usable pallet stands in a room outside its product's band."""
    for pallet in env.world.pallets.values():
        if pallet.status != "RECEIVED" or env.tables.zones[pallet.zone_id].kind != "room":
            continue
        if not env.tables.fits(pallet.sku, env.world.temperatures[pallet.zone_id]):
            return _failed(pallet.pallet_id)
    return _PASSED


def no_quarantined_dispatch(
    env: WarehouseContext, event: Event, _params: Mapping[str, Any]
) -> Verdict:
    """INV-WH-002: what was dispatched had not been in quarantine at that moment."""
    if env.data.get("was") == "QUARANTINED":
        return _failed(event.text("pallet_id"))
    return _PASSED


def stock_conserved(env: WarehouseContext, _event: Event, _params: Mapping[str, Any]) -> Verdict:
    """INV-WH-003: what came in is on hand, was picked or was dispatched."""
    on_hand = dict.fromkeys(env.world.stock, 0)
    for pallet in env.world.pallets.values():
        if pallet.status in {"RECEIVED", "QUARANTINED"}:
            on_hand[pallet.sku] += pallet.cases
    for sku, ledger in env.world.stock.items():
        if ledger.received != on_hand[sku] + ledger.picked + ledger.dispatched:
            return _failed(sku)
    return _PASSED


def zones_within_capacity(
    env: WarehouseContext, _event: Event, _params: Mapping[str, Any]
) -> Verdict:
    """INV-WH-004: no zone holds more pallets than it takes."""
    for zone_id, zone in env.tables.zones.items():
        if len(env.world.on_hand(zone_id)) > zone.capacity:
            return _failed(zone_id)
    return _PASSED


EVALUATORS: Final[dict[str, Evaluator]] = {
    "state.pallets_in_band": pallets_in_band,
    "transition.no_quarantined_dispatch": no_quarantined_dispatch,
    "state.stock_conserved": stock_conserved,
    "state.zones_within_capacity": zones_within_capacity,
}
