"""A witness: cosigns a log's checkpoint only if the log continues what it has seen of it.

It has a key of its own and a state of its own: size and root of every log that it cosigned. The
state is on the disk before the signature leaves the process, so that whatever crashes, two
signatures of one witness never speak for two histories.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from labtrust_core.errors import SignatureError, UsageError
from labtrust_core.ledger.durable import exclusive, write_whole
from labtrust_core.ledger.merkle import is_consistent, leaf_hash, root_of
from labtrust_core.trust.key_files import SigningKey
from labtrust_core.trust.notes import (
    COSIGNATURE,
    MAX_NOTE,
    MAX_SIGNATURES,
    Checkpoint,
    Note,
    VerifierKey,
    cosign,
    is_signed_by,
    parse_checkpoint,
    parse_note,
    signers,
)

from labtrust_export.check_failed import CheckFailedError
from labtrust_export.durable import read_at_most
from labtrust_export.proof_text import MAX_PROOF, ConsistencyText, ProofTextError, parse_consistency
from labtrust_export.seen import Seen, SeenLogs, nothing_seen, read_seen, write_seen

_DERIVED: Final = re.compile(r"labtrust/(episode|run|transparency)/([0-9a-f]{64})\Z")
MAX_TIME: Final = 1 << 63


@dataclass(frozen=True, slots=True)
class History:
    """How the witness is shown that a log continues: the log itself, a proof, or both.

    Attributes:
        log: File of the log's lines (a run log, an episode log, ``entries.jsonl``).
        proof: File of a consistency proof, as C2SP's tlog-witness asks for it.
    """

    log: Path | None = None
    proof: Path | None = None


@dataclass(frozen=True, slots=True)
class Cosigned:
    """What the witness did: the checkpoint, the size it had seen before, whether a line is new."""

    checkpoint: Checkpoint
    before: int
    is_new: bool


class Witness:
    """A witness with its key and its state file."""

    def __init__(self, key: SigningKey, state: Path) -> None:
        self._key = key
        self._state = state
        self.public: VerifierKey = key.public(COSIGNATURE)

    def begin(self) -> None:
        """Make the state file of a witness that has seen nothing yet.

        Raises:
            UsageError: There is one, or it cannot be written.
        """
        with exclusive(_lock_of(self._state), self._state):
            if self._state.exists():
                raise UsageError(f"{self._state} exists; a witness keeps its state")
            write_seen(self._state, nothing_seen(str(self.public)))

    def cosign(
        self, checkpoint: Path, log_keys: tuple[VerifierKey, ...], history: History, time_s: int
    ) -> Cosigned:
        """Check a checkpoint, remember it, then add the cosignature to its file.

        Args:
            checkpoint: File of the note; the line is added to it.
            log_keys: Keys of logs that this witness serves.
            history: What shows that the log continues.
            time_s: Unix time to state.

        Raises:
            UsageError: A file is missing, another process holds the state, or the time is none.
            CheckFailedError: The witness refuses (``WITNESS_…``); the state is as it was.
            OSError: The disk fails. The state may then be ahead of the signature; ask again.
        """
        if not 0 < time_s < MAX_TIME:
            raise UsageError(f"{time_s} is no time in Unix seconds")
        with exclusive(_lock_of(self._state), self._state):
            state = self._read_state()
            data = _read(checkpoint, MAX_NOTE)
            note, stated = _parse(data)
            _require_log_key(note, log_keys)
            seen = state.logs.get(stated.origin)
            _require_growth(seen, stated)
            _require_history(seen, stated, note, history)
            line = self._line(note, time_s)
            if seen is None or seen.size < stated.size:
                write_seen(self._state, state.with_seen(stated))
            if line is not None:
                if _read(checkpoint, MAX_NOTE) != data:
                    raise UsageError(f"{checkpoint} was changed meanwhile; ask again")
                write_whole(checkpoint, str(line).encode())
            return Cosigned(stated, 0 if seen is None else seen.size, line is not None)

    def _read_state(self) -> SeenLogs:
        state = read_seen(self._state)
        if state.witness != str(self.public):
            found = f"it belongs to {state.witness or 'no witness'}, not to {self.public}"
            raise CheckFailedError("WITNESS_STATE_KEY", str(self._state), found)
        return state

    def _line(self, note: Note, time_s: int) -> Note | None:
        """Return the note with this witness's line; None where it has a good one already."""
        own = [
            item
            for item in note.signatures
            if (item.name, item.key_id) == (self.public.name, self.public.key_id)
        ]
        if own and not all(is_signed_by(note, item, self.public) for item in own):
            message = "a line in this witness's name is not its own"
            raise CheckFailedError("WITNESS_CHECKPOINT_SIGNATURE", "", message)
        if own:
            return None
        if len(note.signatures) >= MAX_SIGNATURES:
            message = f"there is no room for more than {MAX_SIGNATURES} lines"
            raise CheckFailedError("WITNESS_CHECKPOINT_FULL", "", message)
        line = cosign(note.text, self._key.name, self._key.private, time_s)
        return Note(note.text, (*note.signatures, line))


def _lock_of(state: Path) -> Path:
    """The file that is locked: not the state's own, which is replaced whenever it grows."""
    return state.with_name(f"{state.name}.lock")


def _read(path: Path, limit: int | None = None) -> bytes:
    try:
        return path.read_bytes() if limit is None else read_at_most(path, limit)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error


def _parse(data: bytes) -> tuple[Note, Checkpoint]:
    try:
        note = parse_note(data)
        return note, parse_checkpoint(note.text)
    except SignatureError as error:
        raise CheckFailedError("WITNESS_CHECKPOINT", "", str(error)) from error


def _require_log_key(note: Note, log_keys: tuple[VerifierKey, ...]) -> None:
    good, bad = signers(note, log_keys)
    if bad:
        message = f"bad signature of {min(bad)}"
        raise CheckFailedError("WITNESS_CHECKPOINT_SIGNATURE", "", message)
    if not good:
        names = ", ".join(item.name for item in note.signatures)
        message = f"no key of a log that this witness serves signed; lines: {names}"
        raise CheckFailedError("WITNESS_UNKNOWN_LOG", "", message)


def _require_growth(seen: Seen | None, stated: Checkpoint) -> None:
    if stated.size == 0:
        raise CheckFailedError("WITNESS_EMPTY", stated.origin, "a log without records")
    if seen is None:
        return
    if stated.size < seen.size:
        message = f"size {stated.size}, but {seen.size} was seen"
        raise CheckFailedError("WITNESS_ROLLBACK", stated.origin, message)
    if stated.size == seen.size and stated.root.hex() != seen.root:
        message = f"another root at size {seen.size} than was seen"
        raise CheckFailedError("WITNESS_FORK", stated.origin, message)


def _require_history(seen: Seen | None, stated: Checkpoint, note: Note, history: History) -> None:
    """Refuse what is not shown to continue what was seen."""
    if history.log is None and history.proof is None:
        if seen is not None and seen.size == stated.size:
            return
        message = "neither the log nor a proof shows that it continues what was seen"
        raise CheckFailedError("WITNESS_NO_HISTORY", stated.origin, message)
    if history.log is not None:
        _require_log(seen, stated, _read(history.log))
    if history.proof is not None:
        _require_proof(seen, stated, note, _read(history.proof, MAX_PROOF))


def _require_log(seen: Seen | None, stated: Checkpoint, data: bytes) -> None:
    leaves = [leaf_hash(line) for line in data.split(b"\n")[:-1]][: stated.size]
    if len(leaves) < stated.size:
        message = f"the log has {len(leaves)} records, the checkpoint says {stated.size}"
        raise CheckFailedError("WITNESS_LOG_SIZE", stated.origin, message)
    if seen is not None and root_of(leaves[: seen.size]).hex() != seen.root:
        message = f"the first {seen.size} records are not those that were seen"
        raise CheckFailedError("WITNESS_FORK", stated.origin, message)
    if root_of(leaves) != stated.root:
        found = base64.b64encode(root_of(leaves)).decode()
        message = f"the root of the log's first {stated.size} records is {found}"
        raise CheckFailedError("WITNESS_LOG_ROOT", stated.origin, message)
    derived = _DERIVED.match(stated.origin)
    if stated.origin.startswith("labtrust/") and (derived is None or derived[2] != leaves[0].hex()):
        message = f"the log's first record gives {leaves[0].hex()}"
        raise CheckFailedError("WITNESS_LOG_ORIGIN", stated.origin, message)


def _require_proof(seen: Seen | None, stated: Checkpoint, note: Note, data: bytes) -> None:
    try:
        proof = parse_consistency(data)
    except ProofTextError as error:
        raise CheckFailedError("WITNESS_PROOF", stated.origin, str(error)) from error
    if proof.note.text != note.text:
        raise CheckFailedError(
            "WITNESS_PROOF", stated.origin, "the proof is about another checkpoint"
        )
    if not _shows(proof, seen, stated):
        size = 0 if seen is None else seen.size
        message = f"the proof does not show that size {size}, which was seen, is its beginning"
        raise CheckFailedError("WITNESS_INCONSISTENT", stated.origin, message)


def _shows(proof: ConsistencyText, seen: Seen | None, stated: Checkpoint) -> bool:
    if seen is None:
        return proof.old == 0 and not proof.hashes
    old = (seen.size, bytes.fromhex(seen.root))
    return proof.old == seen.size and is_consistent(old, (stated.size, stated.root), proof.hashes)
