"""What stands in the zip's files; their JSON Schemas are made from these types."""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

import msgspec

VERSION: Final = "0.1"
INDEX: Final = "index.json"
EVENTS: Final = "events.json"
RECEIPTS_INDEX: Final = "receipts_index.json"
REASON_CODES: Final = "reason_codes.json"

RunType: TypeAlias = Literal[
    "quick_eval", "run_benchmark", "evidence_bundles", "package_release", "other"
]


class Baseline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A results file: which crew was measured at which task."""

    task: str
    agent_baseline_id: str
    results_ref: str


class Episode(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One episode; references are names in the zip, null for what the run does not have.

    Attributes:
        task: Name of the task; for a log without results the beginning of its episode's id.
        episode_index: Its number in its results file, else among those of its task.
        results_ref, log_ref, receipts_ref: Where its results, its log and its receipts are.
        episode_key: Names the episode in the other files.
        policy_fingerprint: The policy that it was run under.
    """

    task: str
    episode_index: int
    results_ref: str | None
    log_ref: str | None
    receipts_ref: str | None
    episode_key: str
    policy_fingerprint: str


class Index(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``index.json``."""

    ui_bundle_version: Literal["0.1"]
    run_type: RunType
    tasks: list[str]
    episodes: list[Episode]
    baselines: list[Baseline]


class Event(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One item of ``events.json``: an event record of a log, as a viewer shows it.

    What was no event at all may lack agent, action and id; they are null then.
    """

    t_s: int
    agent_id: str | None
    action_type: str | None
    status: str
    blocked_reason_code: str | None
    emits: list[str]
    violations: list[dict[str, Any]]
    token_consumed: list[str]
    event_id: str | None
    task: str
    episode_index: int
    episode_key: str


class ReceiptsEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One item of ``receipts_index.json``: the files with an episode's receipts, below a path."""

    task: str
    path: str
    receipt_files: list[str]


class ReasonCodes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``reason_codes.json``: the registry of the policies that the episodes were run under."""

    version: str
    codes: dict[str, dict[str, Any]]


TYPES: Final[dict[str, Any]] = {
    INDEX: Index,
    EVENTS: list[Event],
    RECEIPTS_INDEX: list[ReceiptsEntry],
    REASON_CODES: ReasonCodes,
}
