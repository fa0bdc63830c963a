"""The warehouse's policy, compiled, and what in it leads nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from labtrust_core.engine.domain import Problem
from labtrust_core.policy.load import Policy

from warehouse_domain.policy_model import Layout, Product, Products, Zone


@dataclass(frozen=True, slots=True)
class Tables:
    """Zones, doors and products by id; the rest as in the layout document."""

    zones: dict[str, Zone]
    doors: dict[str, str]
    products: dict[str, Product]
    door_alarm_s: int
    drift_period_s: int
    drift_mc: int

    def fits(self, sku: str, temperature_mc: int) -> bool:
        """Whether a product may stand at a temperature."""
        product = self.products[sku]
        return product.low_mc <= temperature_mc <= product.high_mc


def compile_tables(policy: Policy) -> Tables:
    """Return the tables of a policy that has no problems."""
    layout = policy.get("layout", Layout)
    return Tables(
        zones=dict(layout.zones),
        doors=dict(layout.doors),
        products=dict(policy.get("products", Products).products),
        door_alarm_s=layout.door_alarm_s,
        drift_period_s=layout.drift_period_s,
        drift_mc=layout.drift_mc,
    )


def problems_of(policy: Policy) -> Iterator[Problem]:
    """Yield what leads nowhere: doors of no dock, empty bands, products that fit no room."""
    layout = policy.get("layout", Layout)
    docks = {zone_id for zone_id, zone in layout.zones.items() if zone.kind == "dock"}
    for door_id, dock in layout.doors.items():
        if dock not in docks:
            path: tuple[str, ...] = ("doors", door_id)
            yield Problem(
                "layout", path, "no such dock", dock, "one of " + ", ".join(sorted(docks))
            )
    for zone_id, zone in layout.zones.items():
        if zone.low_mc >= zone.high_mc:
            path = ("zones", zone_id, "high_mc")
            yield Problem("layout", path, "empty band", str(zone.high_mc), f"over {zone.low_mc}")
    rooms = [zone for zone in layout.zones.values() if zone.kind == "room"]
    for sku, product in policy.get("products", Products).products.items():
        if not any(
            product.low_mc <= room.low_mc and room.high_mc <= product.high_mc for room in rooms
        ):
            band = f"{product.low_mc}..{product.high_mc}"
            yield Problem("products", ("products", sku), "fits no room", band, "a room within it")
