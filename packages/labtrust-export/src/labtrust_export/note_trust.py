"""Whose signatures on a checkpoint count: a log's keys, and a quorum of witnesses."""

from __future__ import annotations

from dataclasses import dataclass

from labtrust_core.trust.notes import Note, VerifierKey, signers

from labtrust_export.check_failed import CheckFailedError


@dataclass(frozen=True, slots=True)
class NoteTrust:
    """The caller's keys for checkpoints.

    Attributes:
        log_keys: Any one of them must have signed.
        witnesses: Keys of witnesses.
        quorum: How many of them must have cosigned.
    """

    log_keys: tuple[VerifierKey, ...]
    witnesses: tuple[VerifierKey, ...] = ()
    quorum: int = 0

    def require(self, note: Note, prefix: str, place: str) -> None:
        """Refuse a note that is not signed as it must be.

        Args:
            note: The checkpoint.
            prefix: What codes begin with, such as ``TRANSPARENCY_CHECKPOINT``.
            place: The file, for the message.

        Raises:
            CheckFailedError: ``…_SIGNATURE``, ``…_KEY_UNKNOWN`` or ``…_WITNESS``, in this order.
        """
        good, bad = signers(note, (*self.log_keys, *self.witnesses))
        if bad:
            raise CheckFailedError(f"{prefix}_SIGNATURE", place, f"bad signature of {min(bad)}")
        if not good & {str(key) for key in self.log_keys}:
            names = ", ".join(item.name for item in note.signatures)
            raise CheckFailedError(
                f"{prefix}_KEY_UNKNOWN", place, f"no log key signed; lines: {names}"
            )
        # One key under two names is one witness.
        seen = {key.public for key in self.witnesses if str(key) in good}
        if len(seen) < self.quorum:
            found = f"{len(seen)} witnesses cosigned, {self.quorum} are asked for"
            raise CheckFailedError(f"{prefix}_WITNESS", place, found)
