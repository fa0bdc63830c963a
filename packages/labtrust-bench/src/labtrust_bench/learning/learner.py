"""Maskable PPO over the laboratories: made from a configuration, saved and brought back exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import torch
from labtrust_core.errors import DocumentError
from numpy.typing import NDArray
from sb3_contrib import MaskablePPO
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.utils import LinearSchedule

from labtrust_bench.learning.config import TrainConfig
from labtrust_bench.learning.decisions import DecisionBuffer
from labtrust_bench.learning.labs import EpisodeSummary
from labtrust_bench.learning.streams import MemberStreams

_LAST_RATE: Final = 0.1
_KEPT: Final = 2
_PREFIX: Final = "update_"


def make_learner(config: TrainConfig, streams: MemberStreams, logger: Logger) -> MaskablePPO:
    """Return a learner at its beginning; the seed of its draws is set for the whole process."""
    hidden = list(config.hidden)
    rate = config.learning_rate
    model = MaskablePPO(
        "MlpPolicy",
        streams,
        learning_rate=LinearSchedule(rate, _LAST_RATE * rate, end_fraction=1.0),
        n_steps=streams.pool.shape.steps,
        batch_size=config.batch_size,
        n_epochs=config.epochs,
        gamma=config.gamma,
        gae_lambda=config.gae_lambda,
        clip_range=config.clip,
        ent_coef=config.entropy,
        vf_coef=config.value_weight,
        max_grad_norm=config.max_grad_norm,
        target_kl=config.target_kl,
        rollout_buffer_class=DecisionBuffer,
        policy_kwargs={"net_arch": {"pi": hidden, "vf": hidden}},
        seed=config.seed,
        device="cpu",
    )
    model.set_logger(logger)
    return model


def play(
    model: MaskablePPO, streams: MemberStreams, seeds: tuple[int, ...], *, greedy: bool
) -> list[EpisodeSummary]:
    """Play the episodes of seeds as the policy stands; the training episodes begin again after it.

    Args:
        model: The learner.
        streams: Its laboratories.
        seeds: Of the episodes.
        greedy: Whether it takes the likeliest action, and does not draw.
    """
    pool = streams.pool
    found: list[EpisodeSummary] = []
    for first in range(0, len(seeds), pool.labs):
        wanted = seeds[first : first + pool.labs]
        pool.reset([*wanted, *[wanted[0]] * (pool.labs - len(wanted))])
        for _ in range(pool.shape.steps):
            inputs = pool.arrays.inputs.reshape(streams.num_envs, -1)
            actions, _ = model.predict(inputs, deterministic=greedy, action_masks=streams.masks)
            streams.step_async(actions)
            pool.step()
        found += pool.summaries()[: len(wanted)]
    streams.restart()
    return found


def checkpoint_path(folder: Path, update: int) -> Path:
    """Return the checkpoint after an update, without its endings."""
    return folder / f"{_PREFIX}{update:06d}"


def last_checkpoint(folder: Path) -> int:
    """Return the update of the last whole checkpoint in a folder; 0 when there is none."""
    found = [int(path.stem.removeprefix(_PREFIX)) for path in folder.glob(f"{_PREFIX}*.npz")]
    return max(found, default=0)


def save_checkpoint(folder: Path, update: int, model: MaskablePPO) -> None:
    """Write the learner and the state of its draws; the oldest checkpoints go.

    The file with the draws comes last: a checkpoint is whole when it is there.
    """
    place = checkpoint_path(folder, update)
    model.save(place.with_suffix(".zip"))
    name, keys, *rest = np.random.get_state(legacy=True)  # noqa: NPY002 - the buffer draws from it
    partial = place.with_suffix(".partial")
    with partial.open("wb") as file:
        np.savez(
            file,
            allow_pickle=False,
            torch=torch.get_rng_state().numpy(),
            numpy_name=np.array(name),
            numpy_keys=keys,
            numpy_rest=np.array(rest, np.float64),
        )
    partial.replace(place.with_suffix(".npz"))
    for old in sorted(folder.glob(f"{_PREFIX}*.npz"))[:-_KEPT]:
        old.unlink()
        old.with_suffix(".zip").unlink(missing_ok=True)


def load_checkpoint(folder: Path, update: int, model: MaskablePPO, steps: int) -> None:
    """Bring a learner to where it was after an update.

    Args:
        folder: The checkpoints.
        update: After which update.
        model: A learner of the same configuration.
        steps: Agent-steps that it had seen by then.

    Raises:
        DocumentError: The checkpoint cannot be read.
    """
    place = checkpoint_path(folder, update)
    try:
        model.set_parameters(str(place.with_suffix(".zip")), exact_match=True, device="cpu")
        with np.load(place.with_suffix(".npz"), allow_pickle=False) as file:
            state = dict(file)
        _restore_draws(state)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise DocumentError(f"no checkpoint can be read: {error}", file=place) from error
    model.num_timesteps = steps


def _restore_draws(state: dict[str, NDArray[np.generic]]) -> None:
    torch.set_rng_state(torch.from_numpy(state["torch"]))
    position, has_gauss, gauss = state["numpy_rest"].tolist()
    np.random.set_state(  # noqa: NPY002 - likewise
        (
            str(state["numpy_name"]),
            state["numpy_keys"].astype(np.uint32),
            int(position),
            int(has_gauss),
            float(gauss),
        )
    )
