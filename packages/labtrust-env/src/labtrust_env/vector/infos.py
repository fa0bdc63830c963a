"""Infos of a batch: arrays by name, each with a twin ``_name`` that says where it is told.

The first axis of every array is the environment's. What is not told is 0, false or ``None``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labtrust_env.vector.arrays import ACCEPTED, BLOCKED, BatchArrays

Infos = dict[str, Any]
Codes = NDArray[np.object_]


def reset_infos(arrays: BatchArrays) -> Infos:
    """Return ``seed``, ``stream_seed`` and ``episode`` of the episodes that have just begun."""
    told = arrays.began.copy()
    infos: Infos = {}
    for column, name in enumerate(("seed", "stream_seed", "episode")):
        _tell(infos, name, np.where(told, arrays.seeds[:, column], 0), told)
    return infos


def step_infos(arrays: BatchArrays, codes: Codes, *, same_step: bool) -> Infos:
    """Return the infos of a step; ``codes`` are the reason codes by number.

    ``accepted``, ``blocked`` and ``blocked_reason_code`` are about each agent's own event in an
    environment that took a step. Where an episode began there are those of a reset too. With
    ``same_step``, what an ended episode showed last is in ``final_obs``, ``final_mask``,
    ``final_state`` (where states are asked for) and ``final_info``.
    """
    began = arrays.began.copy()
    infos = _events(arrays, codes, ~began)
    if began.any():
        infos |= reset_infos(arrays)
        if same_step:
            _tell(infos, "final_obs", _only(arrays.final_observations, began), began)
            _tell(infos, "final_mask", _only(arrays.final_masks, began), began)
            if arrays.states.shape[1]:
                _tell(infos, "final_state", _only(arrays.final_states, began), began)
            _tell(infos, "final_info", _events(arrays, codes, began), began)
    return infos


def _events(arrays: BatchArrays, codes: Codes, told: NDArray[np.bool_]) -> Infos:
    rows = told[:, np.newaxis]
    infos: Infos = {}
    _tell(infos, "accepted", (arrays.outcomes == ACCEPTED) & rows, told)
    _tell(infos, "blocked", (arrays.outcomes == BLOCKED) & rows, told)
    _tell(infos, "blocked_reason_code", codes[arrays.reasons * rows], told)
    return infos


def _tell(infos: Infos, name: str, value: object, told: NDArray[np.bool_]) -> None:
    infos[name], infos[f"_{name}"] = value, told.copy()


def _only(values: NDArray[Any], told: NDArray[np.bool_]) -> NDArray[Any]:
    """Return a copy with zeros where nothing is told: those rows are of an older episode."""
    found = values.copy()
    found[~told] = 0
    return found
