"""Forgeries of receipts: all signed by the producer, so that only the log speaks against them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Final

from labtrust_core.canonical import canonical_bytes
from labtrust_core.ledger.merkle import leaf_hash, node_hash

from labtrust_export.testing.fields import at, other, paths, with_value, without, written
from labtrust_export.testing.forgery import Forged, Good, forges, good
from labtrust_export.testing.sealing import (
    RECEIPTS,
    Files,
    Record,
    joined,
    lines_of,
    parsed,
    resealed,
)
from labtrust_export.testing.spelling import misspelled

_DECISIONS: Final = (
    "PENDING",
    "HELD",
    "REJECTED",
    "ACCEPTED",
    "RELEASED",
    "SUPERSEDED",
    "AMENDED",
    "BLOCKED",
    "released",
)


def _receipts(bundle: Good) -> list[Record]:
    return parsed(lines_of(bundle.files[RECEIPTS]))


def _with(bundle: Good, receipts: list[Record]) -> Files:
    """Return the bundle with other receipts; the producer signs, and counts them."""
    lines = [canonical_bytes(item) for item in receipts]
    kinds = [item.get("entity_type") for item in receipts]

    def count(statement: Record) -> None:
        statement["predicate"]["receipts"] = {
            "results": kinds.count("result"),
            "specimens": kinds.count("specimen"),
        }

    return resealed(bundle.files | {RECEIPTS: joined(lines)}, count)


@forges(
    "receipt-field",
    "changes or deletes one field of a receipt",
    level="L0",
    bases=("signed", "amended", "clocked"),
    holes=("B11", "B26"),
)
def receipt_field(bundle: Good) -> Iterator[Forged]:
    """Yield bundles with one field of one receipt changed."""
    receipts = _receipts(bundle)
    for index, receipt in enumerate(receipts if bundle.thorough else receipts[:3]):
        for path in paths(receipt):
            for what, changed in (
                ("changed", with_value(receipt, path, other(at(receipt, path)))),
                ("without", without(receipt, path)),
            ):
                files = _with(bundle, [*receipts[:index], changed, *receipts[index + 1 :]])
                yield Forged(f"{index}-{what}-{written(path)}", files, "RECEIPT_MISMATCH")


@forges(
    "receipt-decision",
    "lets a specimen or result have met another fate",
    level="L0",
    bases=("signed", "reception", "amended", "clocked"),
    holes=("B11",),
)
def receipt_decision(bundle: Good) -> Iterator[Forged]:
    """Yield bundles with another decision in a receipt."""
    for index, receipt in enumerate(_receipts(bundle)):
        for decision in _DECISIONS:
            if decision != receipt["decision"]:
                receipts = _receipts(bundle)
                receipts[index]["decision"] = decision
                files = _with(bundle, receipts)
                yield Forged(f"{index}-{decision}", files, "RECEIPT_MISMATCH")


@forges(
    "receipts-moved",
    "drops, doubles or swaps receipts",
    level="L0",
    bases=("signed", "clocked", "arriving"),
    holes=("B13",),
)
def receipts_moved(bundle: Good) -> Iterator[Forged]:
    """Yield bundles in which a receipt is missing, stands twice or elsewhere."""
    receipts = _receipts(bundle)
    for index in range(len(receipts)):
        forms = {
            "out": receipts[:index] + receipts[index + 1 :],
            "doubled": [*receipts[: index + 1], *receipts[index:]],
            "last": [*receipts[:index], *receipts[index + 1 :], receipts[index]],
        }
        for what, changed in forms.items():
            if changed and changed != receipts:
                yield Forged(f"{index}-{what}", _with(bundle, changed), "RECEIPT_MISMATCH")


@forges(
    "receipt-invented",
    "adds a receipt of something that never was, or takes one from another episode",
    level="L0",
    bases=("signed", "reception"),
    holes=("B12",),
)
def receipt_invented(bundle: Good) -> Iterator[Forged]:
    """Yield bundles with a receipt too many."""
    receipts = _receipts(bundle)
    invented = copy.deepcopy(receipts[-1])
    invented["entity_id"] = invented["specimen_id"] = "S99"
    foreign = _receipts(good("clocked"))[-1]
    for what, more in {"invented": invented, "foreign": foreign}.items():
        yield Forged(f"{what}-added", _with(bundle, [*receipts, more]), "RECEIPT_MISMATCH")
        yield Forged(f"{what}-first", _with(bundle, [more, *receipts]), "RECEIPT_MISMATCH")
        yield Forged(f"{what}-alone", _with(bundle, [more]), "RECEIPT_MISMATCH")
    files = resealed(bundle.files | {RECEIPTS: good("clocked").files[RECEIPTS]})
    yield Forged("all-foreign", files, "RECEIPT_MISMATCH")


@forges(
    "receipt-proof",
    "proves the inclusion of something else: an inner node, another record, another tree",
    level="L0",
    bases=("signed", "clocked"),
    holes=("S07", "S08"),
)
def receipt_proof(bundle: Good) -> Iterator[Forged]:
    """Yield bundles with a false proof in a receipt."""
    leaves = [leaf_hash(line) for line in bundle.episode.lines]
    inner = node_hash(leaves[0], leaves[1]).hex()
    right = _receipts(bundle)[0]["proof"]
    for what, change in {
        "inner-node": {"leaf": inner, "path": right["path"][1:]},
        "other-record": {"record": right["record"] + 1},
        "no-path": {"path": []},
        "root-is-leaf": {"leaf": right["root"], "path": []},
        "other-root": {"root": "0" * 64},
        "one-leaf": {"size": 1, "record": 0, "path": [], "root": right["leaf"]},
        "path-longer": {"path": [*right["path"], "0" * 64]},
        "path-reversed": {"path": [*right["path"][::-1], right["leaf"]]},
        "capitals": {"leaf": right["leaf"].upper() + "A"},
    }.items():
        receipts = _receipts(bundle)
        receipts[0]["proof"] |= change
        yield Forged(what, _with(bundle, receipts), "RECEIPT_MISMATCH")


@forges(
    "receipts-bytes",
    "spells a receipt otherwise, or the file's lines",
    level="L0",
    bases=("signed",),
)
def receipts_bytes(bundle: Good) -> Iterator[Forged]:
    """Yield receipts that are not byte for byte what they must be."""
    lines = lines_of(bundle.files[RECEIPTS])
    data = bundle.files[RECEIPTS]
    forms = {what: joined([bad, *lines[1:]]) for what, bad in misspelled(lines[0])}
    forms |= {
        "no-line-feed-at-end": data[:-1],
        "blank-line-behind": data + b"\n",
        "blank-line-before": b"\n" + data,
        "crlf": data.replace(b"\n", b"\r\n"),
        "blank-line-only": b"\n",
    }
    for what, changed in forms.items():
        files = resealed(bundle.files | {RECEIPTS: changed})
        yield Forged(what, files, "RECEIPT_MISMATCH")


@forges("receipts-none", "empties the receipts", level="L0", bases=("signed",), holes=("B13",))
def receipts_none(bundle: Good) -> Iterator[Forged]:
    """Yield bundles without a receipt."""
    yield Forged("empty", resealed(bundle.files | {RECEIPTS: b""}), "RECEIPT_NONE")
