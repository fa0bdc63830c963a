"""What a verification found: the level reached, the one failure, facts and notes; text and JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from labtrust_core.errors import LabTrustError

from labtrust_export.verify.codes import CODES, LEVEL_NAMES, LEVELS, Level

_SHOWN: Final = 300  # characters of a message that holds what a stranger wrote


class FaultError(LabTrustError):
    """A check fails.

    Attributes:
        code: A code of ``verify.codes``.
        message: What was found and what was expected.
        file: Name of the file at fault; None for the folder.
        record: Number of the record or line at fault, from 0; None where it is none.
    """

    def __init__(
        self, code: str, message: str, *, file: str | None = None, record: int | None = None
    ) -> None:
        self.code = code
        self.message = message
        self.file = file
        self.record = record
        super().__init__(f"{code}: {message}")


@dataclass(frozen=True, slots=True)
class Failure:
    """The one thing that is wrong, as far as the checks went."""

    code: str
    level: Level
    message: str
    file: str | None
    record: int | None

    @property
    def meaning(self) -> str:
        """What it means, in one sentence."""
        return CODES[self.code].meaning

    @property
    def place(self) -> str:
        """Where it is."""
        where = "the folder" if self.file is None else self.file
        return where if self.record is None else f"{where}, record {self.record}"


@dataclass(slots=True)
class VerifyReport:
    """Result of a verification.

    Attributes:
        bundle: The bundle, as the caller named it.
        required: The level that the caller asks for.
        reached: The highest level whose checks, and all below, passed; None where L0 failed.
        failure: What ended the verification, or None.
        checked: What was checked, a line a level reached, with numbers.
        facts: What is now known of the episode; of a failed bundle, what passed until then.
        signed_by: Whose trusted keys signed what, by file.
        notes: What is no failure and yet worth knowing.
    """

    bundle: str
    required: Level
    reached: Level | None = None
    failure: Failure | None = None
    checked: dict[Level, str] = field(default_factory=dict)
    facts: dict[str, str | int | None] = field(default_factory=dict)
    signed_by: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether the level that was asked for is reached."""
        return self.reached is not None and LEVELS.index(self.reached) >= LEVELS.index(
            self.required
        )

    def fail(self, fault: FaultError, level: Level) -> None:
        """Note what ended the verification, and the level whose checks were being made."""
        self.failure = Failure(fault.code, level, _shown(fault.message), fault.file, fault.record)

    def to_dict(self) -> dict[str, object]:
        """Return the JSON form."""
        found = self.failure
        return {
            "bundle": self.bundle,
            "ok": self.ok,
            "required": str(self.required),
            "reached": None if self.reached is None else str(self.reached),
            "failure": None
            if found is None
            else {
                "code": found.code,
                "level": str(found.level),
                "message": found.message,
                "meaning": found.meaning,
                "file": found.file,
                "record": found.record,
            },
            "checked": {str(level): text for level, text in self.checked.items()},
            "facts": dict(self.facts),
            "signed_by": {name: list(keys) for name, keys in self.signed_by.items()},
            "notes": list(self.notes),
        }

    def text(self) -> str:
        """Return the report for people, several lines."""
        passed = [level for level in LEVELS if level in self.checked]
        lines = [f"Bundle {self.bundle}"]
        lines += [f"  {level} {LEVEL_NAMES[level]}: ok; {self.checked[level]}" for level in passed]
        found = self.failure
        if found is not None:
            lines += [
                f"  {found.level} {LEVEL_NAMES[found.level]}: FAILED",
                f"    code:   {found.code}",
                f"    where:  {found.place}",
                f"    found:  {found.message}",
                f"    means:  {found.meaning}",
            ]
        lines += [f"  note: {note}" for note in self.notes]
        reached = "none" if self.reached is None else str(self.reached)
        verdict = "verified" if self.ok else "NOT verified"
        return "\n".join([*lines, f"{verdict}: level reached {reached}, required {self.required}"])


def _shown(message: str) -> str:
    """Return a message that does no harm on a terminal, whatever names and values it quotes."""
    safe = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in message)
    return safe if len(safe) <= _SHOWN else f"{safe[:_SHOWN]}..."
