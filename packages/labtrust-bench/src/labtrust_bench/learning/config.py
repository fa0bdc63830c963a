"""What a training run is told: one frozen object, its presets, and the seeds that follow from it.

Episode seeds below ``TRAINING_SEEDS_FROM`` are never trained on: they are for comparisons. A run
trains on a block of seeds of its own and picks its best policy on another part of the same block.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from labtrust_core.errors import UnknownNameError, UsageError

from labtrust_bench.tasks.base import SMOKE

TRAINING_SEEDS_FROM: Final = 10_000_000
_SEEDS_OF_A_RUN: Final = 10_000_000
_VALIDATION_AT: Final = 9_000_000
_MOST_RUNS: Final = 100_000

Positive = Annotated[int, msgspec.Meta(ge=1)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Weight = Annotated[float, msgspec.Meta(ge=0)]
Decide = Literal["sample", "greedy"]


class Shaping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an agent is paid in training, and only there; see ``labtrust_bench.learning.shaping``.

    Attributes:
        team: Weight of the task's own reward of the whole crew.
        stage: For each stage that an agent's own action takes a specimen on.
        carry: For each minute of way that it carries a specimen towards its next stage.
        handover: For each specimen that it puts down, or uses, where its next stage is.
        priority: Priority to a factor on the three.
        chores: Action type to what an accepted one is paid: controls, stock, release, calls.
        effort: Paid back for each of its own events, so that nobody runs about for nothing.
        blocked: Paid back for each of its own events that is refused.
        violation: Paid back for each invariant that its own event breaks.
    """

    team: Weight = 0.3
    stage: Weight = 0.2
    carry: Weight = 0.1
    handover: Weight = 0.2
    priority: dict[str, Weight] = msgspec.field(
        default_factory=lambda: {"STAT": 2.0, "URGENT": 1.5, "ROUTINE": 1.0}
    )
    chores: dict[str, Weight] = msgspec.field(
        default_factory=lambda: {
            "QC_EVENT": 0.2,
            "RESTOCK_REAGENT": 0.1,
            "RELEASE_RESULT": 0.2,
            "REJECT_SPECIMEN": 0.2,
            "RERUN_REQUEST": 0.1,
            "NOTIFY_CRITICAL_RESULT": 0.1,
            "ACK_CRITICAL_RESULT": 0.3,
            "ESCALATE_CRITICAL_RESULT": 0.1,
        }
    )
    effort: Weight = 0.02
    blocked: Weight = 0.1
    violation: Weight = 1.0


class TrainConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that decides what a training run learns.

    Attributes:
        task: Name of the task.
        variant: Its size.
        partner: Partner whose policy overlay applies.
        steps: Agent-steps to train for at least; a step of the laboratory counts once a member.
            Training ends with the update that reaches them.
        seed: Of weights, draws and episodes: 0 to 99,999.
        labs: Laboratories that are played side by side; each plays one episode an update.
        without: Verbs (the part of an action's name before the colon) that the learner may not use.
        without_targets: Names of single actions that it may not use.
        hidden: Width of each hidden layer, of policy and of value function.
        decide: How the trained policy acts: draws from its distribution, or takes the likeliest.
        learning_rate: At the beginning; it falls linearly to a tenth.
        entropy: Weight of the entropy at the beginning; it falls linearly to ``entropy_end``.
        entropy_end: Weight of the entropy at the end.
        gamma: Discount of one step of the laboratory.
        gae_lambda: Of generalised advantage estimation, from one decision to the next.
        batch_size: Decisions in a minibatch.
        epochs: Passes over the decisions of an update.
        clip: PPO's clip range.
        value_weight: Weight of the value loss.
        max_grad_norm: Longest gradient.
        target_kl: Passes end early beyond one and a half times this divergence; ``None``: never.
        validation_episodes: Episodes, on seeds of their own, that pick the best policy.
        validate_every: Updates from one validation to the next.
        shaping: What an agent is paid in training.
    """

    task: str
    variant: str = SMOKE
    partner: str | None = None
    steps: Positive = 2_500_000
    seed: Annotated[int, msgspec.Meta(ge=0, lt=_MOST_RUNS)] = 0
    labs: Positive = 4
    without: tuple[str, ...] = ("TICK", "SCAN_LABEL", "CLOSE_DOOR", "OPEN_DOOR", "ASSIGN_LANE")
    without_targets: tuple[str, ...] = ()
    hidden: tuple[Positive, ...] = (128, 128)
    decide: Decide = "sample"
    learning_rate: Weight = 8e-4
    entropy: Weight = 0.01
    entropy_end: Weight = 0.001
    gamma: Share = 0.99
    gae_lambda: Share = 0.95
    batch_size: Positive = 1_024
    epochs: Positive = 4
    clip: Share = 0.2
    value_weight: Weight = 0.5
    max_grad_norm: Weight = 2.0
    target_kl: Weight | None = 0.03
    validation_episodes: Positive = 8
    validate_every: Positive = 25
    shaping: Shaping = msgspec.field(default_factory=Shaping)

    @property
    def first_seed(self) -> int:
        """Seed of the first training episode; each further one has the next."""
        return TRAINING_SEEDS_FROM + self.seed * _SEEDS_OF_A_RUN

    @property
    def validation_seeds(self) -> tuple[int, ...]:
        """Seeds of the episodes that pick the best policy."""
        first = self.first_seed + _VALIDATION_AT
        return tuple(range(first, first + self.validation_episodes))

    def training_seeds(self, updates: int) -> range:
        """Return the seeds of the episodes of so many updates.

        Raises:
            UsageError: They are more than a run has.
        """
        count = updates * self.labs
        if count > _VALIDATION_AT:
            raise UsageError(f"a run has {_VALIDATION_AT} training episodes, asked for {count}")
        return range(self.first_seed, self.first_seed + count)


PRESETS: Final[Mapping[str, Mapping[str, Any]]] = {
    "default": {},
    "tiny": {
        "labs": 2,
        "hidden": (16,),
        "batch_size": 256,
        "epochs": 1,
        "validation_episodes": 1,
        "validate_every": 2,
    },
    "sparse": {"shaping": Shaping(team=1.0, stage=0.0, carry=0.0, handover=0.0, chores={})},
}
"""Settings by name: ``default``; ``tiny``, to see that it runs; ``sparse``, without shaping."""


def preset(name: str, **settings: Any) -> TrainConfig:  # noqa: ANN401 - any field's value
    """Return a preset with some settings replaced.

    Raises:
        UnknownNameError: There is no such preset.
        UsageError: A setting is not in its range.
    """
    if name not in PRESETS:
        raise UnknownNameError("preset", name, PRESETS)
    return _converted({**_plain(PRESETS[name]), **_plain(settings)})


def adapted(config: TrainConfig, **settings: Any) -> TrainConfig:  # noqa: ANN401 - likewise
    """Return a configuration with some settings replaced.

    Raises:
        UsageError: A setting is not in its range.
    """
    return _converted({**msgspec.to_builtins(config), **_plain(settings)})


def _converted(plain: dict[str, Any]) -> TrainConfig:
    try:
        return msgspec.convert(plain, TrainConfig, strict=True)
    except msgspec.ValidationError as error:
        raise UsageError(f"no such training: {error}") from error


def _plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: msgspec.to_builtins(value) for name, value in settings.items()}


def require_held_out(config: TrainConfig, updates: int, seeds: tuple[int, ...]) -> None:
    """Refuse to measure a policy on what it has learned from or was picked on.

    Args:
        config: How it was trained.
        updates: For how long.
        seeds: Of the episodes that it is to be measured on.

    Raises:
        UsageError: One of the seeds is a training or validation seed.
    """
    known = {*config.training_seeds(updates), *config.validation_seeds}
    seen = sorted(known.intersection(seeds))
    if seen:
        raise UsageError(
            f"seed {seen[0]} was used in training; held-out seeds lie below {TRAINING_SEEDS_FROM}"
        )
