"""Forgeries of checkpoints: of the episode's ledger and of the run's log."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import Final

from labtrust_core.ledger.merkle import leaf_hash, node_hash
from labtrust_core.trust.notes import Checkpoint, Note, NoteSignature, cosign, sign_note

from labtrust_export.testing.forgery import Forge, Forged, Good, forges, good
from labtrust_export.testing.sealing import (
    CHECKPOINT,
    LOG_FILE,
    RUN_CHECKPOINT,
    RUN_LOG,
    Files,
    lines_of,
    noted,
    resealed,
    stated,
)
from labtrust_export.testing.signers import (
    ATTACKER,
    FOREIGN,
    HONEST,
    IMPOSTORS,
    LOG,
    WITNESSED_AT,
    WITNESSES,
    Signers,
    signer,
)

_PLACES: Final = {
    "": (CHECKPOINT, LOG_FILE, "episode", ("signed", "clocked")),
    "run-": (RUN_CHECKPOINT, RUN_LOG, "run", ("run",)),
}
_ORDER: Final = 2**252 + 27742317777372353535851937790883648493


def malleable(raw: bytes) -> bytes:
    """Return the other half of a pair of signatures: S plus the order of the group.

    It fulfils the equation, and a lax verifier takes it for a second signature.
    """
    return raw[:32] + (int.from_bytes(raw[32:], "little") + _ORDER).to_bytes(32, "little")


def _padded(leaves: Sequence[bytes]) -> bytes:
    """Return the root of a tree that pads each odd level with its last node."""
    level = list(leaves)
    while len(level) > 1:
        level += level[-1:] * (len(level) % 2)
        level = [node_hash(level[at], level[at + 1]) for at in range(0, len(level), 2)]
    return level[0]


def _unmarked(lines: Sequence[bytes]) -> bytes:
    """Return the root of a tree that does not tell leaves from nodes."""
    level = [sha256(line).digest() for line in lines]
    while len(level) > 1:
        pairs = [level[at : at + 2] for at in range(0, len(level), 2)]
        level = [sha256(b"".join(pair)).digest() if len(pair) > 1 else pair[0] for pair in pairs]
    return level[0]


def _placed(bundle: Good, place: str, data: bytes) -> Files:
    return resealed(bundle.files | {place: data})


def _not_notes(right: bytes) -> dict[str, bytes]:
    text, lines = right.split(b"\n\n")
    first = lines.split(b"\n")[0]
    return {
        "empty": b"",
        "text-only": text + b"\n",
        "no-signature": text + b"\n\n",
        "no-gap": text + b"\n" + lines,
        "hyphen": text + b"\n\n" + lines.replace("\u2014".encode(), b"-"),
        "en-dash": text + b"\n\n" + lines.replace("\u2014".encode(), "\u2013".encode()),
        "no-line-feed": right[:-1],
        "crlf": right.replace(b"\n", b"\r\n"),
        "cr-in-text": right.replace(b"\n", b"\r\n", 1),
        "tab-in-text": b"\t" + right,
        "nul-in-text": b"\0" + right,
        "not-utf-8": b"\xff" + right,
        "bad-base64": text + b"\n\n" + first[:-4] + b"????\n",
        "blank-in-line": text + b"\n\n" + first + b" \n",
        "no-name": text + b"\n\n\xe2\x80\x94 " + first.split(b" ")[2] + b"\n",
        "id-only": text + b"\n\n" + b" ".join(first.split(b" ")[:2]) + b" AAAAAA==\n",
        "many-lines": text + b"\n\n" + (first + b"\n") * 17,
        "too-long": b"x" * 70_000 + right,
        "blank-line-behind": right + b"\n",
    }


def _shapes(point: Checkpoint) -> dict[str, str]:
    root = base64.b64encode(point.root).decode()
    short = base64.b64encode(point.root[:31]).decode()
    sizes = {
        "leading-zero": f"0{point.size}",
        "plus": f"+{point.size}",
        "negative": f"-{point.size}",
        "fraction": f"{point.size}.0",
        "blank": f" {point.size}",
        "no-size": "",
        "other-digits": "".join(chr(0x660 + int(digit)) for digit in str(point.size)),
    }
    found = {f"size-{what}": f"{point.origin}\n{size}\n{root}\n" for what, size in sizes.items()}
    return found | {
        "two-lines": f"{point.origin}\n{point.size}\n",
        "four-lines": point.text + "note to the reader\n",
        "no-origin": f"\n{point.size}\n{root}\n",
        "root-short": f"{point.origin}\n{point.size}\n{short}\n",
        "root-hex": f"{point.origin}\n{point.size}\n{point.root.hex()}\n",
        "root-no-padding": f"{point.origin}\n{point.size}\n{root.rstrip('=')}\n",
        "joined": f"{point.origin} {point.size} {root}\n",
    }


def _other_points(point: Checkpoint, lines: Sequence[bytes]) -> dict[str, tuple[Checkpoint, str]]:
    leaves = [leaf_hash(line) for line in lines]
    kind = point.origin.split("/")[1]
    swapped = "run" if kind == "episode" else "episode"
    origins = {
        "other-log": f"labtrust/{kind}/" + "0" * 64,
        "capitals": f"labtrust/{kind}/" + leaves[0].hex().upper(),
        "other-kind": f"labtrust/{swapped}/" + leaves[0].hex(),
        "head": f"labtrust/{kind}/" + leaves[-1].hex(),
        "name": "labtrust/" + kind,
    }
    sizes = {"more": 1, "less": -1, "huge": 10**9}
    roots = {
        "zeros": bytes(32),
        "ones": b"\xff" * 32,
        "head": leaves[-1],
        "padded": _padded([*leaves, *leaves[-1:] * (len(leaves) % 2)]),
        "unmarked": _unmarked(lines),
        "before-end": stated(kind, lines[:-1]).root,
        "of-nothing": sha256(b"").digest(),
    }
    found = {
        f"origin-{what}": (Checkpoint(origin, point.size, point.root), "ORIGIN")
        for what, origin in origins.items()
    }
    found |= {
        f"size-{what}": (Checkpoint(point.origin, point.size + step, point.root), "SIZE")
        for what, step in sizes.items()
    }
    found["prefix"] = (
        Checkpoint(point.origin, point.size - 1, stated(kind, lines[:-1]).root),
        "SIZE",
    )
    return found | {
        f"root-{what}": (Checkpoint(point.origin, point.size, root), "ROOT")
        for what, root in roots.items()
        if root != point.root
    }


def _lines(text: str) -> dict[str, tuple[tuple[NoteSignature, ...], str]]:
    """Return signature lines that no caller may accept, each with the end of its code."""
    good_log = sign_note(text, *LOG)
    seen = tuple(cosign(text, *item, WITNESSED_AT) for item in WITNESSES[:2])
    flipped = NoteSignature(LOG.name, good_log.key_id, bytes(64))
    foreign = sign_note(text, *ATTACKER)
    borrowed = NoteSignature(LOG.name, good_log.key_id, foreign.signature)
    other_text = sign_note(text.replace("\n", "x\n", 1), *LOG)
    twin = NoteSignature(LOG.name, good_log.key_id, malleable(good_log.signature))
    impostor = sign_note(text, *IMPOSTORS.log)
    renamed = NoteSignature("test.labtrust/log2", good_log.key_id, good_log.signature)
    later = NoteSignature(
        seen[0].name, seen[0].key_id, (WITNESSED_AT + 1).to_bytes(8, "big") + seen[0].signature[8:]
    )
    plain = NoteSignature(seen[0].name, seen[0].key_id, sign_note(text, *WITNESSES[0]).signature)
    fake = tuple(cosign(text, *item, WITNESSED_AT) for item in IMPOSTORS.witnesses)
    return {
        "zeros": ((flipped, *seen), "SIGNATURE"),
        "good-and-bad": ((good_log, flipped, *seen), "SIGNATURE"),
        "borrowed-id": ((borrowed, *seen), "SIGNATURE"),
        "other-text": ((other_text, *seen), "SIGNATURE"),
        "malleable": ((twin, *seen), "SIGNATURE"),
        "witness-other-time": ((good_log, later, seen[1]), "SIGNATURE"),
        "witness-plain": ((good_log, plain, seen[1]), "SIGNATURE"),
        "foreign": ((foreign, *seen), "KEY_UNKNOWN"),
        "impostor": ((impostor, *seen), "KEY_UNKNOWN"),
        "renamed": ((renamed, *seen), "KEY_UNKNOWN"),
        "witnesses-only": (seen, "KEY_UNKNOWN"),
        "no-witness": ((good_log,), "WITNESS"),
        "one-witness": ((good_log, seen[0]), "WITNESS"),
        "one-witness-twice": ((good_log, seen[0], seen[0]), "WITNESS"),
        "one-witness-two-times": (
            (good_log, seen[0], cosign(text, *WITNESSES[0], WITNESSED_AT + 60)),
            "WITNESS",
        ),
        "fake-witnesses": ((good_log, seen[0], *fake), "WITNESS"),
        "log-as-witness": ((good_log, seen[0], cosign(text, *LOG, WITNESSED_AT)), "WITNESS"),
    }


def _notes(prefix: str) -> tuple[Forge, Forge, Forge, Forge]:
    place, log, kind, _bases = _PLACES[prefix]
    code = place.upper() + "_"

    def no_note(bundle: Good) -> Iterator[Forged]:
        for what, data in _not_notes(bundle.files[place]).items():
            yield Forged(what, _placed(bundle, place, data), code + "NOTE")

    def no_checkpoint(bundle: Good) -> Iterator[Forged]:
        for what, text in _shapes(stated(kind, lines_of(bundle.files[log]))).items():
            yield Forged(what, _placed(bundle, place, noted(text)), code + "SHAPE")

    def other_tree(bundle: Good) -> Iterator[Forged]:
        lines = lines_of(bundle.files[log])
        for what, (point, end) in _other_points(stated(kind, lines), lines).items():
            yield Forged(what, _placed(bundle, place, noted(point.text)), code + end)
        another = good("amended" if kind == "episode" else "signed_run")
        yield Forged("replayed", _placed(bundle, place, another.files[place]), code + "ORIGIN")

    def signed_badly(bundle: Good) -> Iterator[Forged]:
        text = stated(kind, lines_of(bundle.files[log])).text
        for what, (signatures, end) in _lines(text).items():
            data = str(Note(text, signatures)).encode()
            yield Forged(what, _placed(bundle, place, data), code + end)
        for what, signers, end in _WHOLE:
            yield Forged(what, _placed(bundle, place, noted(text, signers)), code + end)

    return no_note, no_checkpoint, other_tree, signed_badly


_WHOLE: Final[tuple[tuple[str, Signers, str], ...]] = (
    ("all-foreign", FOREIGN, "KEY_UNKNOWN"),
    ("all-impostors", IMPOSTORS, "KEY_UNKNOWN"),
    ("log-stolen", Signers(HONEST.log, FOREIGN.witnesses), "WITNESS"),
    ("log-stolen-impostors", Signers(HONEST.log, IMPOSTORS.witnesses), "WITNESS"),
    ("other-name", Signers(signer("test.labtrust/log2", LOG.name)), "KEY_UNKNOWN"),
)


def _register(
    name: str, attacker: str, level: str, holes: tuple[str, ...]
) -> Callable[[int], None]:
    def register(which: int) -> None:
        for prefix, (_place, _log, kind, bases) in _PLACES.items():
            own = holes if not prefix else ()
            forges(f"{prefix}{name}", f"{attacker} ({kind})", level=level, bases=bases, holes=own)(
                _notes(prefix)[which]
            )

    return register


_register("note-form", "gives a checkpoint that is no signed note", "L0", ())(0)
_register("note-shape", "signs a text that is no checkpoint", "L0", ())(1)
_register(
    "note-other-tree",
    "signs a checkpoint of another log, another size or another root",
    "L0",
    ("S03", "S07", "S08"),
)(2)
_register(
    "note-signature",
    "signs a checkpoint with another key, badly, or without witnesses",
    "L1",
    ("S05", "B26", "B27"),
)(3)
