"""More people than anybody can keep an eye on: how well a crew of a size works together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from labtrust_bench.tasks.base import BenchmarkTask, TaskSize

HORIZON_S: Final = 10_800
"""Three hours."""

SCALES: Final[Mapping[str, TaskSize]] = {
    scale: TaskSize(f"scale_{scale}", HORIZON_S, HORIZON_S, crew=f"scale_{scale}")
    for scale in ("small", "medium", "large")
}
"""Scale by name: 11, 20 and 40 people, with a load to match as far as the devices go."""


class CoordScale(BenchmarkTask):
    """Three hours at the hub, with twenty people and two specimens a minute at full size."""

    name = "coord_scale"
    crew = "scale_medium"
    full = SCALES["medium"]
    small = TaskSize(
        "scale_small", 5_400, arrivals_until_s=3_600, crew="scale_small", wrap_up_s=1_800
    )
    variants: ClassVar[Mapping[str, TaskSize]] = SCALES
