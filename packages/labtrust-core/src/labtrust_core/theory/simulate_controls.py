"""Measure controls and judge them, with the laboratory's own draws and rules."""

from __future__ import annotations

from collections import deque
from typing import Final

from labtrust_core.hospital_lab import westgard
from labtrust_core.hospital_lab.analytical_error import control_run
from labtrust_core.hospital_lab.westgard import RUNS_KEPT, History
from labtrust_core.theory.meters import Meters
from labtrust_core.theory.model import Controls
from labtrust_core.theory.simulate import BATCHES, WARM_UP

_LEVELS: Final = 2
_SINGLE: Final = {
    "1-2s": westgard.rule_1_2s,
    "1-3s": westgard.rule_1_3s,
    "2-2s within a run": westgard.rule_2_2s_within,
    "2-2s across two runs": westgard.rule_2_2s_across,
    "R-4s": westgard.rule_r_4s,
    "4-1s": westgard.rule_4_1s,
    "10x": westgard.rule_10x,
}
_TOGETHER: Final = {
    "1-3s, 2-2s within a run, R-4s": ("1-3s", "2-2s within a run", "R-4s"),
    "1-3s, 2-2s, R-4s": ("1-3s", "2-2s within a run", "2-2s across two runs", "R-4s"),
}


def simulate_controls(name: str, model: Controls, seed: int, runs: int) -> Meters:
    """Measure controls and meter how often each rule, and each set of rules, is broken.

    Args:
        name: Names the draws, so that every case has its own numbers.
        model: How wrong the device is.
        seed: Seed of all draws.
        runs: How many runs of controls the batches that count hold together.
    """
    meters = Meters()
    history: deque[list[int]] = deque(maxlen=RUNS_KEPT)
    size = runs // BATCHES
    for number in range(size * (BATCHES + WARM_UP)):
        history.append(
            control_run(seed, name, number, (model.bias_milli, model.sd_percent), _LEVELS)
        )
        _judge(meters, tuple(history))
        if (number + 1) % size == 0:
            meters.end_batch()
    return meters


def _judge(meters: Meters, history: History) -> None:
    broken = {rule: is_broken(history) for rule, is_broken in _SINGLE.items()}
    for rule, is_broken in broken.items():
        meters.add(rule, is_broken)
    for several, rules in _TOGETHER.items():
        meters.add(several, any(broken[rule] for rule in rules))
