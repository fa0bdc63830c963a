"""The table of checks by name, and how to run them on an environment."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from labtrust_core.errors import UnknownNameError

from labtrust_env.conformance import (
    agents,
    determinism,
    gymnasium_tests,
    masks,
    pettingzoo_tests,
    processes,
    rendering,
    spaces,
)
from labtrust_env.conformance.errors import ConformanceError, NotApplicableError
from labtrust_env.conformance.playing import Factory

Check = Callable[[Factory], None]
Verdict = Literal["ok", "failed", "not applicable"]

CHECKS: Final[dict[str, Check]] = {
    check.__name__: check
    for check in (
        determinism.same_seed,
        determinism.other_seed,
        determinism.independent_of_history,
        determinism.reset_goes_on,
        determinism.instances_are_apart,
        determinism.global_random_untouched,
        determinism.deepcopy_continues,
        determinism.pickle_continues,
        determinism.factory_copies,
        processes.working_directory,
        processes.hash_seed,
        processes.thread_count,
        processes.reset_reads_no_files,
        spaces.observations_in_space,
        spaces.state_in_space,
        spaces.spaces_are_stable,
        spaces.results_are_fresh,
        agents.agent_lists,
        agents.step_results,
        agents.time_limit_truncates,
        masks.mask_format,
        masks.masks_tell_the_truth,
        masks.masked_out_actions_are_survived,
        pettingzoo_tests.parallel_api,
        pettingzoo_tests.aec_api,
        pettingzoo_tests.parallel_seed,
        pettingzoo_tests.aec_seed,
        rendering.renders,
        gymnasium_tests.centralised_env,
        gymnasium_tests.make_vec,
        gymnasium_tests.batch,
        gymnasium_tests.batch_of_processes,
    )
}
"""Name to check. Each takes a factory, and raises when its docstring's first line is not true."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Attributes:
        check: Name of the check.
        verdict: ``ok``, ``failed``, or ``not applicable`` where the environment does not claim to
            have what the check is about.
        detail: What failed or is not there, in a sentence; empty where all is well.
    """

    check: str
    verdict: Verdict
    detail: str = ""


def find_check(name: str) -> Check:
    """Return the check of that name.

    Raises:
        UnknownNameError: There is none.
    """
    if name not in CHECKS:
        raise UnknownNameError("check", name, CHECKS)
    return CHECKS[name]


def run_check(name: str, factory: Factory) -> Finding:
    """Run one check on a factory's environments; whatever they raise is a finding.

    Raises:
        UnknownNameError: There is no such check.
    """
    check = find_check(name)
    try:
        check(factory)
    except NotApplicableError as error:
        return Finding(name, "not applicable", str(error))
    except Exception as error:  # noqa: BLE001 - a foreign environment may raise anything
        return Finding(name, "failed", _sentence(error))
    return Finding(name, "ok")


def run_checks(factory: Factory, names: Iterable[str] = tuple(CHECKS)) -> list[Finding]:
    """Run checks on a factory's environments.

    Args:
        factory: Makes a new PettingZoo parallel environment at each call, always of the same
            configuration. Checks with another process need one that can be pickled.
        names: Which checks, in this order; by default all.

    Raises:
        UnknownNameError: There is no such check.
    """
    return [run_check(name, factory) for name in names]


def _sentence(error: Exception) -> str:
    if isinstance(error, ConformanceError):
        return str(error)
    return " ".join(f"{type(error).__name__}: {error}".split())
