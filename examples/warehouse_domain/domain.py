"""The domain object: everything that the engine asks of the warehouse, in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from labtrust_core.canonical import canonical_bytes, sha256_hex
from labtrust_core.engine.context import EpisodeConfig
from labtrust_core.engine.domain import Guard, Handler, Problem, SystemEvent
from labtrust_core.errors import UnknownNameError, UsageError
from labtrust_core.event import Event
from labtrust_core.policy.load import Policy
from labtrust_core.policy.model import DocumentKind
from labtrust_core.trust.invariants import Evaluator
from labtrust_core.trust.tools import ToolAdapter
from msgspec import to_builtins

from warehouse_domain import clockwork
from warehouse_domain.guards import GUARDS
from warehouse_domain.handlers import HANDLERS
from warehouse_domain.invariants import EVALUATORS
from warehouse_domain.policy_model import DOCUMENTS
from warehouse_domain.tables import Tables, compile_tables, problems_of
from warehouse_domain.world import WarehouseContext, World, new_world

POLICY_DIR: Final = Path(__file__).resolve().parent / "policy"


def stock_report(ctx: WarehouseContext, args: Mapping[str, Any]) -> dict[str, Any]:
    """Return how many cases of a SKU are on hand, and which pallets hold them."""
    pallets = [
        {"pallet_id": pallet.pallet_id, "cases": pallet.cases, "status": pallet.status}
        for pallet in ctx.world.pallets.values()
        if pallet.sku == args["sku"] and pallet.status in {"RECEIVED", "QUARANTINED"}
    ]
    return {"sku": args["sku"], "cases": sum(p["cases"] for p in pallets), "pallets": pallets}


_QUERIES: Final[dict[str, Callable[..., Any]]] = {
    "pallet_status": lambda world, pallet_id: world.pallets[pallet_id].status,
    "pallet_zone": lambda world, pallet_id: world.pallets[pallet_id].zone_id,
    "pallet_cases": lambda world, pallet_id: world.pallets[pallet_id].cases,
    "zone_temperature": lambda world, zone_id: world.temperatures[zone_id],
    "door_open": lambda world, door_id: door_id in world.open_doors,
    "picked": lambda world, sku: world.stock[sku].picked,
}


TOOLS: Final[dict[str, ToolAdapter]] = {"stock_report_v1": stock_report}


class ColdChainWarehouse:
    """The cold-chain warehouse."""

    name: str = "cold_chain_warehouse"
    documents: tuple[DocumentKind, ...] = DOCUMENTS
    guards: Mapping[str, Guard] = GUARDS
    handlers: Mapping[str, Handler] = HANDLERS
    system_handlers: Mapping[str, Handler] = clockwork.SYSTEM_HANDLERS
    evaluators: Mapping[str, Evaluator] = EVALUATORS
    tools: Mapping[str, ToolAdapter] = TOOLS
    reason_codes: frozenset[str] = frozenset(
        {
            "WH_BAND_MISMATCH",
            "WH_DOCK_TIME_EXCEEDED",
            "WH_DOOR_STATE",
            "WH_DOOR_UNKNOWN",
            "WH_NOT_AT_DOCK",
            "WH_PALLET_STATUS",
            "WH_PALLET_UNKNOWN",
            "WH_QUARANTINED",
            "WH_READING_INVALID",
            "WH_REASON_MISSING",
            "WH_STOCK_SHORT",
            "WH_ZONE_FROZEN",
            "WH_ZONE_FULL",
            "WH_ZONE_UNKNOWN",
            "WH_ZONE_UNSUITABLE",
        }
    )
    emitted: frozenset[str] = frozenset({*HANDLERS, "ALARM", "ANNOUNCE_PALLET", "DRIFT"})

    def problems(self, policy: Policy) -> list[Problem]:
        """Return what leads nowhere in the layout and the products."""
        return list(problems_of(policy))

    def compile(self, policy: Policy) -> Tables:
        """Return the tables that all episodes share."""
        return compile_tables(policy)

    def new_world(
        self, tables: Tables, scenario: Mapping[str, Any], config: EpisodeConfig
    ) -> World:
        """Return the state that an episode starts from; in explicit time nothing is due."""
        world, start = new_world(tables, scenario)
        if config.simulated:
            clockwork.plan(world, start, tables)
        return world

    def agents(self, world: World) -> Mapping[str, str]:  # noqa: ARG002 - the protocol names it
        """Return nothing: who works here is the role policy's business."""
        return {}

    def digest(self, world: World) -> str:
        """Return the SHA-256 (hex) of the state's canonical form."""
        return sha256_hex(canonical_bytes(to_builtins(world)))

    def due(self, ctx: WarehouseContext, until_s: int) -> SystemEvent | None:
        """Take the next thing that happens by itself off the agenda."""
        return clockwork.due(ctx, until_s)

    def settle(self, ctx: WarehouseContext, event: Event, handling_s: int) -> None:
        """Book no time: this warehouse has enough hands."""

    def subjects(
        self,
        ctx: WarehouseContext,  # noqa: ARG002 - the protocol names it
        event: Event,
    ) -> frozenset[tuple[str, str]]:
        """Return the pallet that the event names."""
        pallet_id = event.text("pallet_id")
        return frozenset({("pallet", pallet_id)}) if pallet_id else frozenset()

    def duties(self, ctx: WarehouseContext, event: Event) -> frozenset[str]:
        """Return what the agent has done with the pallet so far."""
        pallet = ctx.world.pallets.get(event.text("pallet_id"))
        return frozenset() if pallet is None else frozenset(pallet.handlers.get(event.agent_id, ()))

    def query(self, ctx: WarehouseContext, name: str, arguments: tuple[str, ...]) -> Any:  # noqa: ANN401 - answers differ
        """Answer a question about pallets, zones, doors or stock.

        Raises:
            UnknownNameError: There is no such question, or no such thing to ask about.
            UsageError: The question takes one argument.
        """
        question = _QUERIES.get(name)
        if question is None:
            raise UnknownNameError("query", name, _QUERIES)
        if len(arguments) != 1:
            raise UsageError(f"{name} takes one argument, found {len(arguments)}")
        try:
            return question(ctx.world, arguments[0])
        except KeyError as error:
            raise UnknownNameError("subject", arguments[0], ()) from error


COLD_CHAIN_WAREHOUSE: Final = ColdChainWarehouse()
