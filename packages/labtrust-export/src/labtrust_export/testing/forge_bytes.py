"""Forgeries by the byte: one bit turned or one byte taken out, and the papers made to fit.

What a byte hits is left to chance, so a set of codes is right. A slow run tries every byte.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from labtrust_export.testing.forgery import Forge, Forged, Good, forges
from labtrust_export.testing.sealing import MANIFEST, resealed
from labtrust_export.verify.codes import CODES

_SOME: Final = 12  # places that a quick run tries
_LARGE: Final = 32 * 1024  # bytes; of a larger file a thorough run tries every eighth


def _codes(*prefixes: str) -> frozenset[str]:
    return frozenset(code for code in CODES if code.startswith(prefixes))


_MANIFEST_CODES: Final = _codes("ENVELOPE_", "STATEMENT_", "PREDICATE_") | {
    "BUNDLE_FILE_DIGEST",
    "BUNDLE_FILE_MISSING",
}

_BY_FILE: Final = {
    "episode_log.jsonl": _codes("LOG_"),
    "policy.json": _codes("POLICY_") - {"POLICY_NOT_TRUSTED"},
    "receipts.jsonl": frozenset({"RECEIPT_MISMATCH"}),
    "checkpoint": _codes("CHECKPOINT_"),
    "run_log.jsonl": _codes("RUNLOG_"),
    "run_checkpoint": _codes("RUN_CHECKPOINT_"),
}


def spoiled(bundle: Good, data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield what data become when a byte is spoiled, at many places or at some."""
    step = max(1, len(data) // _SOME)
    if bundle.thorough:
        step = 1 if len(data) < _LARGE else 8
    for index in range(0, len(data), step):
        turned = data[index] ^ (1 << index % 7)
        yield f"{index}-turned", data[:index] + bytes([turned]) + data[index + 1 :]
        yield f"{index}-out", data[:index] + data[index + 1 :]


@forges(
    "manifest-byte",
    "turns or takes out one byte of the manifest",
    level="L1",
    bases=("signed", "run"),
    holes=("B03", "B08", "B10", "B24", "B27"),
)
def manifest_byte(bundle: Good) -> Iterator[Forged]:
    """Yield bundles with a spoiled manifest."""
    for what, data in spoiled(bundle, bundle.files[MANIFEST]):
        yield Forged(what, bundle.files | {MANIFEST: data}, _MANIFEST_CODES)


def _resealed(name: str) -> Forge:
    def forge(bundle: Good) -> Iterator[Forged]:
        for what, data in spoiled(bundle, bundle.files[name]):
            yield Forged(what, resealed(bundle.files | {name: data}), _BY_FILE[name])

    return forge


for _name in _BY_FILE:
    forges(
        f"byte-resealed-{_name.split('.')[0].replace('_', '-')}",
        f"turns or takes out one byte of {_name}; the producer signs that",
        level="L1" if "checkpoint" in _name else "L0",
        bases=("run",) if _name.startswith("run") else ("signed", "clocked"),
        holes=("B01", "B02"),
    )(_resealed(_name))
