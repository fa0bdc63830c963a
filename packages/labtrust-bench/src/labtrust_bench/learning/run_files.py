"""The folder of a training run: what is in it, and how it is read and written."""

from __future__ import annotations

import csv
import io
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import msgspec
from labtrust_core.errors import DocumentError, UsageError

from labtrust_bench.learning.config import TrainConfig

SCHEMA_VERSION: Final = "0.1"
_DISTRIBUTIONS: Final = (
    "labtrust-core",
    "labtrust-env",
    "labtrust-bench",
    "numpy",
    "torch",
    "stable-baselines3",
    "sb3-contrib",
)


class SeedBlock(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which episodes a run has seen.

    Attributes:
        first: Seed of the first training episode; each further one has the next.
        count: How many there are.
        validation: Seeds of the episodes that picked the best policy.
    """

    first: int
    count: int
    validation: tuple[int, ...]


class TrainRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``train_config.json``: what is needed to do a run again.

    Attributes:
        schema_version: Of this file.
        config: What the run was told.
        updates: How many updates that comes to.
        agent_steps: How many agent-steps they have.
        workers: Processes that played; no result depends on it.
        seeds: The episodes.
        policy_fingerprint: Of the laboratory's policy.
        layout_fingerprint: Of observations and actions.
        versions: Distribution to version, and ``python``.
        machine: Processor and system: other ones may round otherwise and so learn otherwise.
    """

    schema_version: str
    config: TrainConfig
    updates: int
    agent_steps: int
    workers: int
    seeds: SeedBlock
    policy_fingerprint: str
    layout_fingerprint: str
    versions: dict[str, str]
    machine: str


class CurveRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One update of a run; rewards are the task's own, in points an episode.

    Attributes:
        update: Its number, from 1.
        agent_steps: So many so far.
        seconds: Wall time so far.
        reward: Mean over the training episodes.
        paid: What the crew was paid in training, mean.
        released: Specimens released, mean.
        blocked: Refused events, mean.
        violations: Broken invariants, mean.
        validation_reward: Mean over the validation episodes after the update, where it had one.
        validation_released: Specimens released in them, mean.
    """

    update: int
    agent_steps: int
    seconds: float
    reward: float
    paid: float
    released: float
    blocked: float
    violations: float
    validation_reward: float | None = None
    validation_released: float | None = None


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths of one training run."""

    path: Path

    @property
    def record(self) -> Path:
        """What is needed to do the run again."""
        return self.path / "train_config.json"

    @property
    def policy(self) -> Path:
        """The best policy, for NumPy."""
        return self.path / "policy.npz"

    @property
    def model(self) -> Path:
        """The best policy, for stable-baselines3."""
        return self.path / "model.zip"

    @property
    def curve(self) -> Path:
        """Figures of every update."""
        return self.path / "curve.csv"

    @property
    def picture(self) -> Path:
        """The learning curve."""
        return self.path / "curve.svg"

    @property
    def report(self) -> Path:
        """How the run ended."""
        return self.path / "report.json"

    @property
    def checkpoints(self) -> Path:
        """Where a run that was stopped goes on from."""
        return self.path / "checkpoints"

    @property
    def tensorboard(self) -> Path:
        """TensorBoard's logs."""
        return self.path / "tensorboard"

    def create(self) -> None:
        """Make the folder.

        Raises:
            UsageError: There is something in its place, or it cannot be made.
        """
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            raise UsageError(f"{self.path} exists; name another folder, or go on with --resume")
        try:
            self.checkpoints.mkdir(parents=True)
        except OSError as error:
            raise UsageError(f"cannot write {self.path}: {error.strerror}") from error


def write_json(path: Path, value: object) -> None:
    """Write a struct as indented JSON with sorted keys; whole or not at all."""
    text = msgspec.json.format(msgspec.json.encode(value, order="deterministic"), indent=2)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(text + b"\n")
    partial.replace(path)


def read_record(path: Path) -> TrainRecord:
    """Return what a run was told, from its ``train_config.json``.

    Raises:
        DocumentError: There is no such file, or it is malformed.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=TrainRecord)
    except (OSError, msgspec.DecodeError) as error:
        raise DocumentError(f"no training run: {error}", file=path) from error


def write_curve(path: Path, rows: Sequence[CurveRow]) -> None:
    """Write the figures of a run as CSV; whole or not at all."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CurveRow.__struct_fields__)
    for row in rows:
        writer.writerow(_cell(getattr(row, name)) for name in CurveRow.__struct_fields__)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text.getvalue(), encoding="utf-8")
    partial.replace(path)


def _cell(value: float | None) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.4f}"


def read_curve(path: Path) -> list[CurveRow]:
    """Return the figures of a run.

    Raises:
        DocumentError: There is no such file, or it is malformed.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            plain: list[dict[str, Any]] = [
                {name: cell or None for name, cell in line.items()} for line in csv.DictReader(file)
            ]
        return msgspec.convert(plain, list[CurveRow], strict=False)
    except (OSError, csv.Error, msgspec.ValidationError) as error:
        raise DocumentError(f"no learning curve: {error}", file=path) from error


def versions() -> dict[str, str]:
    """Return what a run was made with: distribution to version, and ``python``."""
    found = {"python": platform.python_version()}
    for name in _DISTRIBUTIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "from source"
    return found


def machine() -> str:
    """Return processor and system."""
    return f"{platform.machine()} {platform.system()}"
