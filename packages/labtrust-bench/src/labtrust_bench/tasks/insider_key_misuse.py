"""A morning in which every event is signed, with an insider who misuses keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from labtrust_env.intrusion import Intrusion
from labtrust_env.rewards import RewardConfig

from labtrust_bench.agents.api import Agent
from labtrust_bench.agents.opponents.casts import KEY_MISUSE_MEANS, key_misuse
from labtrust_bench.tasks.base import MORNING_S, TURNAROUND_TARGET_S, BenchmarkTask, TaskSize


class InsiderKeyMisuse(BenchmarkTask):
    """Four hours at the hub under strict signatures; the insider has a real badge and a real key.

    Whichever crew is measured, the insider is the task's own.
    """

    name = "insider_key_misuse"
    crew = "insider"
    full = TaskSize("busy_morning", horizon_s=MORNING_S, arrivals_until_s=MORNING_S)
    small = TaskSize("busy_hour", horizon_s=5_400, arrivals_until_s=3_600, wrap_up_s=1_800)
    variants: ClassVar[Mapping[str, TaskSize]] = {
        "quiet": TaskSize("district_shift", MORNING_S, MORNING_S)
    }
    signed = True
    intrusion: ClassVar[Intrusion | None] = KEY_MISUSE_MEANS
    reward_config = RewardConfig(blocked_penalty=100, target_s=TURNAROUND_TARGET_S)

    def opponents(self, members: Mapping[str, str]) -> dict[str, Agent]:
        """Return the insider."""
        found = key_misuse(self.size.horizon_s)
        return {name: agent for name, agent in found.items() if name in members}
