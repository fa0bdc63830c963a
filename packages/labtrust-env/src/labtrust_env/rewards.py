"""Rewards: which events of a step count how much, and for whom.

Everything inside is an integer of milli-units, so that sums are exact; an agent's reward is a float
of units, made at the very edge.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from labtrust_core.errors import UsageError
from labtrust_core.event import SYSTEM_AGENT, StepResult
from labtrust_core.hospital_lab.lookup import LabContext
from labtrust_core.hospital_lab.queueing import PRIORITY_RANK
from labtrust_core.hospital_lab.world import LabWorld

MILLI: Final = 1_000
_CLOSED: Final = ("|released", "|rejected")


@dataclass(frozen=True, slots=True)
class RewardConfig:
    """What a step is worth, in milli-units. Penalties are subtracted; all numbers are >= 0.

    Attributes:
        throughput: For each specimen whose results are all released.
        on_time: In addition, for each of them released within its priority's target since arrival.
        critical_ack: For each critical result that is properly acknowledged.
        schedule_penalty: For each specimen in the laboratory that is neither released nor rejected,
            in every step.
        violation_penalty: For each invariant that an accepted event breaks.
        blocked_penalty: For each event that is BLOCKED.
        target_s: Priority to the target turnaround in seconds.
        share: ``team``: everybody gets the sum of all terms. ``agent``: everybody gets the terms of
            its own events, and in full those that nobody's event caused (autoverification, the
            clockwork, waiting specimens).

    Raises:
        UsageError: A number is negative, a priority is missing, or ``share`` is neither.
    """

    throughput: int = 1_000
    on_time: int = 500
    critical_ack: int = 500
    schedule_penalty: int = 1
    violation_penalty: int = 1_000
    blocked_penalty: int = 50
    target_s: Mapping[str, int] = field(
        default_factory=lambda: {"STAT": 3_600, "URGENT": 7_200, "ROUTINE": 14_400}
    )
    share: Literal["team", "agent"] = "team"

    def __post_init__(self) -> None:
        """Check every value."""
        if self.share not in ("team", "agent"):
            raise UsageError(f"rewards are shared by team or agent, found {self.share!r}")
        if self.target_s.keys() != PRIORITY_RANK.keys():
            raise UsageError(
                f"target_s names {sorted(PRIORITY_RANK)}, found {sorted(self.target_s)}"
            )
        for name in TERMS:
            if getattr(self, name) < 0:
                raise UsageError(f"{name} must not be negative, found {getattr(self, name)}")


TERMS: Final[dict[str, str]] = {
    "throughput": "+ w for each specimen released",
    "on_time": "+ w for each specimen released with released_s - arrived_s <= target_s[priority]",
    "critical_ack": "+ w for each critical result properly acknowledged",
    "schedule_penalty": "- w for each specimen neither released nor rejected, each step",
    "violation_penalty": "- w for each invariant that an ACCEPTED event breaks",
    "blocked_penalty": "- w for each BLOCKED event of a member",
}
"""The terms and their formulas; ``w`` is the number of the same name, in milli-units."""


_NO_TERMS: Final = dict.fromkeys(TERMS, 0)


def step_rewards(
    config: RewardConfig,
    ctx: LabContext,
    results: Iterable[StepResult],
    outcomes: Mapping[str, StepResult],
    members: Iterable[str],
) -> dict[str, dict[str, int]]:
    """Return, by member, the terms of one step in milli-units.

    Args:
        config: What counts how much.
        ctx: The episode after the step.
        results: All outcomes of the step.
        outcomes: Those of the members' own actions.
        members: Everybody who gets a reward.
    """
    common = [item for item in results if item.event and item.event.agent_id == SYSTEM_AGENT]
    if config.share == "team":
        common += outcomes.values()
    total = _terms(config, ctx, common)
    if config.schedule_penalty:
        total["schedule_penalty"] = -config.schedule_penalty * _open_specimens(ctx)
    if config.share == "team":
        return {name: total.copy() for name in members}
    own = {name: _terms(config, ctx, (result,)) for name, result in outcomes.items()}
    return {name: _sum((total, own.get(name, {}))) for name in members}


def _terms(config: RewardConfig, ctx: LabContext, results: Iterable[StepResult]) -> dict[str, int]:
    found = _NO_TERMS.copy()
    for result in results:
        if result.accepted and not result.data and not result.violations:
            continue  # most are so
        for specimen_id in result.data.get("released_specimens", ()):
            specimen = ctx.world.specimens[specimen_id]
            found["throughput"] += config.throughput
            taken = (specimen.released_s or 0) - specimen.arrived_s
            if taken <= config.target_s[specimen.priority]:
                found["on_time"] += config.on_time
        if "acknowledged" in result.data:
            found["critical_ack"] += config.critical_ack
        if result.accepted:
            found["violation_penalty"] -= config.violation_penalty * len(result.violations)
        else:
            found["blocked_penalty"] -= config.blocked_penalty
    return found


def _sum(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total = _NO_TERMS.copy()
    for part in parts:
        for name, value in part.items():
            total[name] += value
    return total


def open_specimens(world: LabWorld) -> int:
    """Return how many specimens are neither released nor rejected."""
    return sum(len(ids) for key, ids in world.at.items() if ids and not key.endswith(_CLOSED))


def _open_specimens(ctx: LabContext) -> int:
    """Return how many specimens are open; kept until one of them has changed."""
    latest = ctx.world.changes.latest
    kept: tuple[int, int] | None = ctx.kept.get("open specimens")
    if kept is None or kept[0] != latest:
        kept = ctx.kept["open specimens"] = (latest, open_specimens(ctx.world))
    return kept[1]
