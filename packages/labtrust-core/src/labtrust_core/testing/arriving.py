"""What tests of a workload need: an episode in which nothing happens but arrivals, and those."""

from __future__ import annotations

from collections import defaultdict

from labtrust_core.engine.compiled import CompiledPolicy
from labtrust_core.engine.context import EpisodeConfig
from labtrust_core.engine.engine import Engine
from labtrust_core.event import StepResult
from labtrust_core.hospital_lab.units import DAY_S


def arriving(
    policy: CompiledPolicy, workload: str, *, seed: int, until_s: int = DAY_S, **scenario: object
) -> Engine:
    """Return an engine at the start of an episode in which a workload arrives and nothing breaks.

    Args:
        policy: Policy that states the workload.
        workload: Name of a workload profile.
        seed: The episode's.
        until_s: Nothing arrives after this.
        scenario: Further parts of the initial state.
    """
    engine = Engine(policy)
    initial = {"workload": workload, "arrivals_until_s": until_s, "faults": False, **scenario}
    engine.reset(initial, EpisodeConfig("EP", seed, simulated=True, signatures_required=False))
    return engine


def arrivals_by_stream(engine: Engine, until_s: int = DAY_S) -> dict[str, list[StepResult]]:
    """Let time pass until ``until_s``; return the arrivals by stream.

    Raises:
        AssertionError: Something else happened.
    """
    found: dict[str, list[StepResult]] = defaultdict(list)
    for item in engine.advance(until_s):
        if item.event is None or item.emits != ("RECEIVE_BATCH",):
            raise AssertionError(f"expected arrivals alone, found {item.emits}")
        found[item.event.args["stream"]].append(item)
    return found
