"""The hospital laboratory as one domain of the engine.

The tables of its guards, handlers, evaluators and tools.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from labtrust_core.canonical import encode_plain, sha256_hex
from labtrust_core.engine.context import EpisodeConfig
from labtrust_core.engine.domain import Domain, Guard, Handler, Problem, SystemEvent
from labtrust_core.event import Event
from labtrust_core.hospital_lab import clockwork, queries, references
from labtrust_core.hospital_lab.documents.kinds import LAB_DOCUMENTS
from labtrust_core.hospital_lab.handlers import (
    add_ons,
    amendments,
    analysis,
    critical,
    labels,
    movement,
    packing,
    preanalytics,
    quality,
    reagents,
    reception,
    results,
    routing,
    supplies,
    transport,
)
from labtrust_core.hospital_lab.handlers.reception import PER_SPECIMEN
from labtrust_core.hospital_lab.intake import new_world
from labtrust_core.hospital_lab.invariants import EVALUATORS
from labtrust_core.hospital_lab.lookup import LabContext, named_specimens
from labtrust_core.hospital_lab.lookup import results as named_results
from labtrust_core.hospital_lab.tables import LabTables, compile_tables
from labtrust_core.hospital_lab.tools import TOOLS
from labtrust_core.hospital_lab.world import LabWorld
from labtrust_core.policy.load import Policy
from labtrust_core.policy.model import DocumentKind
from labtrust_core.trust.invariants import Evaluator
from labtrust_core.trust.tokens import Subject
from labtrust_core.trust.tools import ToolAdapter

_AREAS: Final = (
    movement,
    reception,
    labels,
    preanalytics,
    routing,
    analysis,
    quality,
    results,
    amendments,
    add_ons,
    critical,
    transport,
    packing,
    reagents,
    supplies,
)

_GUARDS: Final = {name: guard for area in _AREAS for name, guard in area.GUARDS.items()}
_HANDLERS: Final = {name: handler for area in _AREAS for name, handler in area.HANDLERS.items()}


class HospitalLab:
    """The domain ``hospital_lab``.

    See ``labtrust_core.engine.domain.Domain`` for what each member means.
    """

    name = "hospital_lab"
    documents: tuple[DocumentKind, ...] = LAB_DOCUMENTS
    guards: Mapping[str, Guard] = _GUARDS
    handlers: Mapping[str, Handler] = _HANDLERS
    system_handlers: Mapping[str, Handler] = clockwork.SYSTEM_HANDLERS
    evaluators: Mapping[str, Evaluator] = EVALUATORS
    tools: Mapping[str, ToolAdapter] = TOOLS
    reason_codes: frozenset[str] = clockwork.CODES.union(*(area.CODES for area in _AREAS))
    emitted: frozenset[str] = clockwork.EMITS.union(*(area.EMITS for area in _AREAS))

    def problems(self, policy: Policy) -> list[Problem]:
        """Return the dangling references of the laboratory's documents."""
        return references.problems(policy)

    def compile(self, policy: Policy) -> LabTables:
        """Compile the laboratory's tables."""
        return compile_tables(policy)

    def new_world(
        self, tables: LabTables, scenario: Mapping[str, Any], config: EpisodeConfig
    ) -> LabWorld:
        """Return the world that an episode starts from."""
        return new_world(tables, scenario, config)

    def agents(self, world: LabWorld) -> dict[str, str]:
        """Return the roles that the scenario's crew and agents bring along."""
        return {
            agent.agent_id: agent.initial_role
            for agent in world.agents.values()
            if agent.initial_role is not None
        }

    def digest(self, world: LabWorld) -> str:
        """Return the SHA-256 (hex) of the whole world; mappings count by content, not by order."""
        return sha256_hex(encode_plain(world))

    def due(self, ctx: LabContext, until_s: int) -> SystemEvent | None:
        """Take the next thing that happens by itself off the agenda."""
        return clockwork.next_system_event(ctx, until_s)

    def settle(self, ctx: LabContext, event: Event, handling_s: int) -> None:
        """Keep the acting agent busy for as long as the action takes."""
        agent = ctx.world.agents.get(event.agent_id) if handling_s else None
        if agent is not None:
            tubes = len(named_specimens(ctx, event)) if event.action_type in PER_SPECIMEN else 1
            agent.busy_until = max(agent.busy_until, ctx.now + handling_s * tubes)

    def subjects(self, ctx: LabContext, event: Event) -> frozenset[Subject]:
        """Return the agent, specimens, results and runs that an event is about."""
        found: set[Subject] = {("agent", event.agent_id)}
        found.update(("specimen", item) for item in named_specimens(ctx, event))
        for result in named_results(ctx, event):
            found.add(("result", result.result_id))
            if result.run_id is not None:
                found.add(("run", result.run_id))
            if result.specimen_id is not None:
                found.add(("specimen", result.specimen_id))
        return frozenset(found)

    def duties(self, ctx: LabContext, event: Event) -> frozenset[str]:
        """Return what the acting agent has done for the results that an event is about."""
        held: set[str] = set()
        for result in named_results(ctx, event):
            run = ctx.world.runs.get(result.run_id or "")
            machine = ctx.world.devices.get(result.device_id or "")
            if run is not None and run.started_by == event.agent_id:
                held.add("PRODUCED_RESULT")
            if machine is not None and event.agent_id in machine.qc_agents:
                held.add("QUALITY_CONTROLLED")
        return frozenset(held)

    def query(self, ctx: LabContext, name: str, arguments: tuple[str, ...]) -> Any:  # noqa: ANN401 - an answer of any type
        """Answer a question about the laboratory."""
        return queries.answer(ctx, name, arguments)


HOSPITAL_LAB: Final[Domain] = HospitalLab()
