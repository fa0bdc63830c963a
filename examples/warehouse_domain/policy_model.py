"""The warehouse's own policy documents, as types. Temperatures are in milli-degrees Celsius."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec
from labtrust_core.policy.model import Closed, Document, DocumentKind

Count: TypeAlias = Annotated[int, msgspec.Meta(ge=1)]


class Zone(Closed, frozen=True, kw_only=True):
    """A place for pallets.

    Attributes:
        kind: A cold ``room``, the ``dock`` or the quarantine ``cage``.
        low_mc: Lowest temperature that it is run at.
        high_mc: Highest temperature that it is run at.
        capacity: How many pallets it takes.
    """

    kind: Literal["room", "dock", "cage"]
    low_mc: int
    high_mc: int
    capacity: Count


class Layout(Document, frozen=True, kw_only=True):
    """``warehouse/layout``: the zones and dock doors.

    Attributes:
        zones: Zone id to zone.
        doors: Door id to the dock that it opens.
        door_alarm_s: How long a door may stand open, in seconds.
        drift_period_s: How often the temperature of every zone drifts, in seconds.
        drift_mc: The most that it drifts, either way.
    """

    zones: dict[str, Zone]
    doors: dict[str, str]
    door_alarm_s: Count
    drift_period_s: Count
    drift_mc: Count


class Product(Closed, frozen=True, kw_only=True):
    """A product's temperature band, and how long it may stand at the dock, in seconds."""

    low_mc: int
    high_mc: int
    dock_limit_s: Count


class Products(Document, frozen=True, kw_only=True):
    """``warehouse/products``: SKU to product."""

    products: dict[str, Product]


DOCUMENTS = (
    DocumentKind("layout", "warehouse/layout.v0.1.yaml", Layout),
    DocumentKind("products", "warehouse/products.v0.1.yaml", Products),
)
