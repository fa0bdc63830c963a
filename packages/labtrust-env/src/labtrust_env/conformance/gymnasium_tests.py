"""Checks of Gymnasium's conventions: the view with one agent, and batches of environments.

They need the hospital laboratory: another environment has neither.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Final

import gymnasium
import numpy as np
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, VectorEnv
from labtrust_core.errors import UsageError
from numpy.typing import NDArray

from labtrust_env.centralised import CentralisedHospitalLab
from labtrust_env.conformance.errors import NotApplicableError, require
from labtrust_env.conformance.pettingzoo_tests import quietly
from labtrust_env.conformance.playing import SEED, Factory, to_bytes
from labtrust_env.parallel_env import HospitalLabEnv
from labtrust_env.registration import CENTRALISED_ID
from labtrust_env.vector import HospitalLabVector

_ENVS: Final = 3
_STEPS: Final = 12
_CYCLES: Final = 5  # of an episode, so that some end


def centralised_env(factory: Factory) -> None:
    """Gymnasium's ``check_env`` passes on the view with one agent for the whole crew."""
    env = CentralisedHospitalLab(**_options(factory))
    with quietly():
        check_env(env, skip_render_check=True)


def make_vec(factory: Factory) -> None:
    """``gymnasium.make_vec`` makes a batch that plays as Gymnasium's, in each autoreset mode."""
    options = _options(factory) | {"max_cycles": _CYCLES}
    for mode in AutoresetMode:
        ours = gymnasium.make_vec(CENTRALISED_ID, _ENVS, autoreset_mode=mode, **options)
        theirs = gymnasium.make_vec(
            CENTRALISED_ID, _ENVS, "sync", {"autoreset_mode": mode}, **options
        )
        require(
            ours.metadata["autoreset_mode"] is mode, f"the metadata of {mode} names another mode"
        )
        for kind in ("action_space", "observation_space"):
            for prefix in ("", "single_"):
                one, other = getattr(ours, prefix + kind), getattr(theirs, prefix + kind)
                require(one == other, f"{prefix}{kind} is not the one of Gymnasium's batch")
        _compare(_played(ours), _played(theirs), f"with {mode} the batch and Gymnasium's")


def _played(envs: VectorEnv[Any, Any, Any]) -> list[bytes]:
    """Return what a batch shows, with resets by mask where nothing else resets."""
    observations, _ = envs.reset(seed=SEED)
    moments = [to_bytes(observations)]
    for number in range(_STEPS):
        actions = _choice(observations["action_mask"], number)
        observations, *rest, infos = envs.step(actions)
        moments.append(to_bytes((observations, *rest, list(infos.get("final_obs", ())))))
        over = np.logical_or(rest[1], rest[2])
        if over.any() and envs.metadata["autoreset_mode"] is AutoresetMode.DISABLED:
            observations, _ = envs.reset(options={"reset_mask": over})
            moments.append(to_bytes(observations))
    envs.close()
    return moments


def batch(factory: Factory) -> None:
    """A batch in one process shows the bytes that as many single environments show."""
    _check_batch(factory, 0)


def batch_of_processes(factory: Factory) -> None:
    """A batch in two processes shows the bytes that as many single environments show."""
    _check_batch(factory, 2)


def _check_batch(factory: Factory, workers: int) -> None:
    _require_laboratory(factory)
    try:
        labs = HospitalLabVector(factory, _ENVS, workers=workers)
    except UsageError as error:
        raise NotApplicableError(str(error)) from error
    with labs:
        observations, masks = labs.reset(seed=SEED)
        together = [to_bytes((observations, masks))]
        for number in range(_STEPS):
            observations, masks, *rest, _ = labs.step(_choice(masks, number))
            together.append(to_bytes((observations, masks, *rest)))
        agents = labs.agents
    _compare(together, _alone(factory, agents), f"a batch with {workers} workers and single ones")


def _alone(factory: Factory, agents: tuple[str, ...]) -> list[bytes]:
    """Return what single environments show, stacked as a batch does."""
    envs: list[HospitalLabEnv] = [factory() for _ in range(_ENVS)]
    seen = [env.reset(seed=SEED + number)[0] for number, env in enumerate(envs)]
    masks = np.array([[env.action_mask(name) for name in agents] for env in envs])
    moments = [to_bytes((_vectors(seen, agents), masks))]
    for number in range(_STEPS):
        actions = _choice(masks, number)
        results = [
            env.step(dict(zip(agents, row.tolist(), strict=True)))
            for env, row in zip(envs, actions, strict=True)
        ]
        seen = [result[0] for result in results]
        masks = np.array([[env.action_mask(name) for name in agents] for env in envs])
        rest = [
            np.array([[result[part][name] for name in agents] for result in results])
            for part in (1, 2, 3)
        ]
        moments.append(to_bytes((_vectors(seen, agents), masks, *rest)))
    return moments


def _vectors(seen: list[dict[str, Any]], agents: tuple[str, ...]) -> NDArray[np.float32]:
    def vector(item: Any) -> Any:  # noqa: ANN401 - a mapping, or bare
        return item["observation"] if isinstance(item, dict) else item

    return np.array([[vector(row[name]) for name in agents] for row in seen])


def _choice(masks: NDArray[np.int8], number: int) -> NDArray[np.int64]:
    """Return an allowed action each, drawn by the number of the step."""
    draws = np.random.default_rng(number).random(masks.shape)
    return np.asarray((draws * masks).argmax(axis=-1))


def _compare(one: list[bytes], other: list[bytes], what: str) -> None:
    for number, (here, there) in enumerate(zip(one, other, strict=True)):
        require(here == there, f"{what} show different things at moment {number}")


def _require_laboratory(factory: Callable[[], Any]) -> HospitalLabEnv:
    env = factory()
    if not isinstance(env, HospitalLabEnv):
        raise NotApplicableError("needs environments of the hospital laboratory")
    return env


def _options(factory: Factory) -> dict[str, Any]:
    """Return what makes the same laboratory for one agent."""
    env = _require_laboratory(factory)
    stated = {item.name: getattr(env.config, item.name) for item in dataclasses.fields(env.config)}
    for fixed in ("mask_in", "observation_form"):
        del stated[fixed]
    return {**stated, "policy": env.session.engine.policy, "render_mode": None}
