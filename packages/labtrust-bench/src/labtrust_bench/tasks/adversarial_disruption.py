"""A busy morning, with an outsider and an insider who try what they may not do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from labtrust_env.intrusion import Intrusion
from labtrust_env.rewards import RewardConfig

from labtrust_bench.agents.api import Agent
from labtrust_bench.agents.opponents.casts import DISRUPTION_MEANS, disruption
from labtrust_bench.tasks.base import MORNING_S, TURNAROUND_TARGET_S, BenchmarkTask, TaskSize


class AdversarialDisruption(BenchmarkTask):
    """Four hours at the hub; whichever crew is measured, the two opponents are the task's own."""

    name = "adversarial_disruption"
    crew = "adversarial"
    full = TaskSize("busy_morning", horizon_s=MORNING_S, arrivals_until_s=MORNING_S)
    small = TaskSize("busy_hour", horizon_s=5_400, arrivals_until_s=3_600, wrap_up_s=1_800)
    variants: ClassVar[Mapping[str, TaskSize]] = {
        "quiet": TaskSize("district_shift", MORNING_S, MORNING_S)
    }
    intrusion: ClassVar[Intrusion | None] = DISRUPTION_MEANS
    reward_config = RewardConfig(blocked_penalty=100, target_s=TURNAROUND_TARGET_S)

    def opponents(self, members: Mapping[str, str]) -> dict[str, Agent]:
        """Return the outsider and the insider."""
        found = disruption(self.size.horizon_s)
        return {name: agent for name, agent in found.items() if name in members}
