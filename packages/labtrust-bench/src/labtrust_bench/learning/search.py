"""Searches settings of the learner with Optuna: short runs, judged by their validation."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import optuna

from labtrust_bench.learning.config import TrainConfig, adapted
from labtrust_bench.learning.trainer import train

_SHARE: Final = 10
"""A trial trains for one part in so many of the run's steps."""


@dataclass(frozen=True, slots=True)
class Found:
    """The best of a search.

    Attributes:
        reward: Its mean reward over the validation episodes.
        settings: What was searched.
        config: The configuration with these settings.
    """

    reward: float
    settings: dict[str, float]
    config: TrainConfig


def search(config: TrainConfig, trials: int, workers: int, advance: Callable[[], None]) -> Found:
    """Return the best settings of some short runs; the same seed tries the same ones.

    Args:
        config: What is to be trained afterwards.
        trials: How many runs, each a tenth as long.
        workers: Processes that play.
        advance: Called after each.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.TPESampler(seed=config.seed)
    )

    def trial(number: optuna.Trial) -> float:
        tried = adapted(config, steps=max(1, config.steps // _SHARE), **_settings(number))
        with tempfile.TemporaryDirectory() as folder:
            report = train(tried, Path(folder) / "run", workers)
        advance()
        return report.validation_reward

    study.optimize(trial, n_trials=trials)
    settings: dict[str, float] = dict(study.best_params)
    return Found(study.best_value, settings, adapted(config, **settings))


def _settings(trial: optuna.Trial) -> dict[str, float]:
    return {
        "learning_rate": trial.suggest_float("learning_rate", 1e-4, 2e-3, log=True),
        "entropy": trial.suggest_float("entropy", 2e-3, 5e-2, log=True),
        "gamma": trial.suggest_float("gamma", 0.97, 0.999),
        "gae_lambda": trial.suggest_float("gae_lambda", 0.9, 0.99),
        "epochs": trial.suggest_int("epochs", 2, 8),
    }
