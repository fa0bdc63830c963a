"""The metrics of results 0.3: all of 0.2, and what needs fractions or a look at every step.

Fractions are rounded to ``DIGITS`` decimals, so that they are the same bytes everywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Final, TypeAlias

import msgspec
from labtrust_core.event import StepResult
from labtrust_core.hospital_lab.handlers.transport import has_excursion
from labtrust_core.hospital_lab.things import Result
from labtrust_core.hospital_lab.world import LabWorld
from labtrust_env.session import Session

from labtrust_bench.runs.metrics import Count, Metrics, nearest_rank

DIGITS: Final = 6
CUSTODY: Final = "INV-COC-001"
TOOL_CALL: Final = "INVOKE_TOOL"
TOOL_ERRORS: Final = frozenset(
    {
        "TOOL_NOT_IN_REGISTRY",
        "TOOL_NOT_ALLOWED_FOR_ROLE",
        "TOOL_ARG_SCHEMA_FAIL",
        "TOOL_ARG_RANGE_FAIL",
    }
)
"""Refusals of a call because the agent chose a wrong tool, or wrong arguments for it."""

Share: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1)]
Mean: TypeAlias = Annotated[float, msgspec.Meta(ge=0)]


class Quantiles(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Quantiles by nearest rank; null of nothing."""

    p10: Count | None
    p25: Count | None
    p50: Count | None
    p75: Count | None
    p90: Count | None


class FullMetrics(Metrics, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One episode in figures, version 0.3; the other fields are those of ``Metrics``.

    Attributes:
        turnaround_quantiles_s: Of the time from arrival to release.
        on_time_rate: Share of the released specimens that were on time.
        violations_total: Invariants that accepted events broke.
        blocked_total: Refused events.
        critical_communication_compliance_rate: Share of the critical results that were called whose
            call was acknowledged.
        device_utilization: Share of the time that each device's units were running.
        device_queue_length_mean: Mean over the steps of the work that waited for each device.
        device_queue_length_max: The most that waited for it after a step.
        transport_consignment_count: Consignments that were sent.
        transport_temp_excursions: How many of them were outside their band by the route's limit.
        coc_breaks_count: Events that broke the chain of custody, or would have.
        tool_calls_count: Events that called a tool.
        tool_selection_errors_count: How many of them were refused for the choice of the tool or of
            its arguments.
        tool_selection_errors_rate: Their share.
        detection_latency_s: As in ``Opposition``; null without opponents.
        containment_success: As in ``Opposition``; null without opponents.
    """

    turnaround_quantiles_s: Quantiles
    on_time_rate: Share | None
    violations_total: Count
    blocked_total: Count
    critical_communication_compliance_rate: Share | None
    device_utilization: dict[str, Share]
    device_queue_length_mean: dict[str, Mean]
    device_queue_length_max: dict[str, Count]
    transport_consignment_count: Count
    transport_temp_excursions: Count
    coc_breaks_count: Count
    tool_calls_count: Count
    tool_selection_errors_count: Count
    tool_selection_errors_rate: Share | None
    detection_latency_s: Count | None
    containment_success: bool | None


class FlowObserver:
    """Watches what the metrics of 0.2 do not: queues, custody, tools."""

    def __init__(self) -> None:
        self._session: Session | None = None
        self._forget()

    def begin(self, session: Session) -> None:
        """Forget the last episode."""
        self._session = session
        self._forget()

    def step(self, session: Session, results: Sequence[StepResult]) -> None:
        """Look at the queues and count outcomes."""
        self._steps += 1
        world: LabWorld = session.ctx.world
        for name, device in world.devices.items():
            length = len(device.queue)
            if length:
                self._waited[name] += length
                self._longest[name] = max(self._longest[name], length)
        for result in results:
            self._count(result)

    def end(self, session: Session) -> None:
        """Nothing is left to do."""

    def _forget(self) -> None:
        self._steps = 0
        self._waited: Counter[str] = Counter()
        self._longest: Counter[str] = Counter()
        self._custody = 0
        self._calls = 0
        self._wrong_calls = 0

    def _count(self, result: StepResult) -> None:
        self._custody += any(item.invariant_id == CUSTODY for item in result.violations)
        event = result.event
        if event is not None:
            self._calls += event.action_type == TOOL_CALL
            self._wrong_calls += result.blocked_reason_code in TOOL_ERRORS
        for followed in result.system_results:
            self._count(followed)

    def complete(self, metrics: Metrics) -> FullMetrics:
        """Return the metrics of 0.3 of the episode that has ended.

        Args:
            metrics: Its metrics of 0.2.

        Raises:
            LookupError: No episode was watched.
        """
        if self._session is None:
            raise LookupError("no episode was watched")
        world: LabWorld = self._session.ctx.world
        blocked = sum(metrics.blocked_by_reason_code.values())
        shares = metrics.device_utilisation_permille
        acted = metrics.opposition
        return FullMetrics(
            **{name: getattr(metrics, name) for name in Metrics.__struct_fields__},
            turnaround_quantiles_s=_quantiles(world),
            on_time_rate=_share(metrics.on_time, metrics.throughput),
            violations_total=sum(metrics.violations_by_invariant_id.values()),
            blocked_total=blocked,
            critical_communication_compliance_rate=_acknowledged(world.results.values()),
            device_utilization={name: share / 1_000 for name, share in shares.items()},
            device_queue_length_mean={
                name: _ratio(self._waited[name], self._steps) for name in sorted(world.devices)
            },
            device_queue_length_max={name: self._longest[name] for name in sorted(world.devices)},
            transport_consignment_count=len(world.consignments),
            transport_temp_excursions=sum(
                has_excursion(self._session.ctx, item) for item in world.consignments.values()
            ),
            coc_breaks_count=self._custody,
            tool_calls_count=self._calls,
            tool_selection_errors_count=self._wrong_calls,
            tool_selection_errors_rate=_share(self._wrong_calls, self._calls),
            detection_latency_s=None if acted is None else acted.detection_latency_s,
            containment_success=None if acted is None else acted.containment_success,
        )


def _ratio(part: int, whole: int) -> float:
    return round(part / whole, DIGITS) if whole else 0.0


def _share(part: int, whole: int) -> float | None:
    return _ratio(part, whole) if whole else None


def _quantiles(world: LabWorld) -> Quantiles:
    seconds = [
        item.released_s - item.arrived_s
        for item in world.specimens.values()
        if item.released_s is not None
    ]
    found: Mapping[str, int | None] = {
        name: nearest_rank(seconds, int(name[1:])) for name in Quantiles.__struct_fields__
    }
    return Quantiles(**found)


def _acknowledged(results: Iterable[Result]) -> float | None:
    called = [
        item for item in results if item.criticality != "NONE" and item.notified_s is not None
    ]
    return _share(sum(item.acknowledged_s is not None for item in called), len(called))
