"""A trained policy as plain arrays: written to and read from one ``.npz``, run with NumPy alone.

The file holds no pickles. It says for which layout of observations and actions the policy was
trained, and everything in it is checked before it is used.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import msgspec
import numpy as np
from labtrust_core.errors import DocumentError, LabTrustError
from labtrust_env.observations import Vector
from labtrust_env.session import Mask
from numpy.typing import NDArray

from labtrust_bench.learning.config import Decide

Doubles = NDArray[np.float64]

FORMAT: Final = "labtrust-policy-1"
_HEAD: Final = "head"
_USABLE: Final = "usable"
_MOST_LAYERS: Final = 16
_DIGITS: Final = 6
"""Logits are rounded to so many decimals: far below what a decision hangs on, and far above where
processors differ."""


class PolicyHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What stands in a policy file beside the weights.

    Attributes:
        format: ``labtrust-policy-1``.
        layers: How many layers of weights follow; ``tanh`` stands between them.
        decide: How it acts: draws from its distribution, or takes the likeliest.
        layout_fingerprint: Of the observations and actions that it was trained on.
        policy_fingerprint: Of the laboratory's policy that it was trained under.
        task: Name of the task that it was trained on.
        variant: Size of the task.
        partner: Partner whose overlay applied.
    """

    format: str
    layers: Annotated[int, msgspec.Meta(ge=1, le=_MOST_LAYERS)]
    decide: Decide
    layout_fingerprint: str
    policy_fingerprint: str
    task: str
    variant: str
    partner: str | None = None


class PolicyFitError(LabTrustError):
    """A trained policy does not fit the laboratory that it is to play in."""


@dataclass(frozen=True, slots=True)
class PolicyNetwork:
    """A policy: what it was trained on, what it may do, and its weights.

    Attributes:
        head: What it is.
        usable: int8 vector: 1 for each action that it may take.
        weights: float64 matrices, ``(inputs, outputs)``; the last one's outputs are the actions.
        biases: float64 vectors, one a matrix. In the file both are float32.
    """

    head: PolicyHead
    usable: Mask
    weights: tuple[Doubles, ...]
    biases: tuple[Doubles, ...]

    @property
    def inputs(self) -> int:
        """Length of its input (see ``labtrust_bench.learning.encoding``)."""
        return int(self.weights[0].shape[0])

    def logits(self, inputs: Vector) -> Doubles:
        """Return what it makes of an input, or of several (one a row), one number an action.

        Args:
            inputs: float32, ``(inputs,)`` or ``(rows, inputs)``.
        """
        values = np.asarray(inputs, np.float64)
        last = len(self.weights) - 1
        for number, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            values = values @ weight + bias
            if number < last:
                values = np.tanh(values)
        return np.round(values, _DIGITS)

    def require_layout(self, fingerprint: str) -> None:
        """Refuse a laboratory that looks otherwise than the one it was trained in.

        Args:
            fingerprint: Of the laboratory (``labtrust_bench.learning.encoding``).

        Raises:
            PolicyFitError: It is another.
        """
        mine = self.head.layout_fingerprint
        if fingerprint != mine:
            raise PolicyFitError(
                f"the policy was trained on {self.head.task} ({self.head.variant}) with layout "
                f"{mine[:12]} of observations and actions; here it is {fingerprint[:12]}: "
                "train it again, or play it with the version and policy it was trained under"
            )


def write_network(path: Path, network: PolicyNetwork) -> None:
    """Write a policy to a ``.npz`` file.

    Raises:
        OSError: It cannot be written.
    """
    arrays: dict[str, NDArray[np.generic]] = {
        _HEAD: np.frombuffer(msgspec.json.encode(network.head, order="sorted"), np.uint8),
        _USABLE: network.usable,
    }
    for number, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        arrays[f"weight_{number}"] = weight.astype(np.float32)
        arrays[f"bias_{number}"] = bias.astype(np.float32)
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    partial.replace(path)


def read_network(path: Path) -> PolicyNetwork:
    """Return the policy of a file.

    Raises:
        DocumentError: The file is missing, or is not a policy in every respect.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = dict(file)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DocumentError(f"no policy can be read: {error}", file=path) from error
    try:
        return _checked(arrays)
    except DocumentError as error:
        raise error.at(path) from None


def _checked(arrays: dict[str, NDArray[np.generic]]) -> PolicyNetwork:
    raw = arrays.pop(_HEAD, None)
    if raw is None or raw.dtype != np.uint8:
        raise DocumentError("a policy file has a head", path=_HEAD)
    try:
        head = msgspec.json.decode(raw.tobytes(), type=PolicyHead)
    except msgspec.DecodeError as error:
        raise DocumentError(f"not the head of a policy: {error}", path=_HEAD) from error
    if head.format != FORMAT:
        raise DocumentError("unknown format", path=_HEAD, found=head.format, expected=FORMAT)
    names = [f"{part}_{number}" for number in range(head.layers) for part in ("weight", "bias")]
    if arrays.keys() != {_USABLE, *names}:
        raise DocumentError(
            "not the arrays of a policy",
            found=", ".join(sorted(arrays)),
            expected=", ".join(sorted({_USABLE, *names})),
        )
    weights = tuple(_floats(arrays, f"weight_{number}", 2) for number in range(head.layers))
    biases = tuple(_floats(arrays, f"bias_{number}", 1) for number in range(head.layers))
    _require_chain(weights, biases)
    return PolicyNetwork(head, _actions(arrays[_USABLE], biases[-1].size), weights, biases)


def _floats(arrays: dict[str, NDArray[np.generic]], name: str, dimensions: int) -> Doubles:
    array = arrays[name]
    if array.dtype != np.float32 or array.ndim != dimensions or not array.size:
        raise DocumentError(
            "not such numbers as a policy has",
            path=name,
            found=f"{array.dtype} {array.shape}",
            expected=f"float32 in {dimensions} dimensions",
        )
    numbers = array.astype(np.float64)
    if not np.isfinite(numbers).all():
        raise DocumentError("a weight is not finite", path=name)
    return numbers


def _require_chain(weights: tuple[Doubles, ...], biases: tuple[Doubles, ...]) -> None:
    width = weights[0].shape[0]
    for number, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        if weight.shape != (width, bias.size):
            raise DocumentError(
                "layers do not fit together",
                path=f"weight_{number}",
                found=str(weight.shape),
                expected=str((width, bias.size)),
            )
        width = bias.size


def _actions(array: NDArray[np.generic], count: int) -> Mask:
    wrong = array.dtype != np.int8 or array.shape != (count,)
    if wrong or not np.isin(array, (0, 1)).all() or not array[0]:
        raise DocumentError(
            "which actions may be used is 0 or 1 for each, and 1 for waiting",
            path=_USABLE,
            found=f"{array.dtype} {array.shape}",
            expected=f"int8 ({count},)",
        )
    return array.astype(np.int8)
