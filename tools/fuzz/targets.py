"""The table of all targets."""

from __future__ import annotations

from typing import Final

from fuzz import core_targets, export_targets
from fuzz.target import Target

TARGETS: Final[dict[str, Target]] = {
    target.name: target for target in (*core_targets.TARGETS, *export_targets.TARGETS)
}
