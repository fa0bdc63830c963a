"""Every code that a verification can end with: its level, and what it means to an auditor.

The order is that of the page "The format of evidence", which is the order of the checks.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from labtrust_core.ledger.verify import LogCode


class Level(StrEnum):
    """How far a bundle was verified; each level builds on those before."""

    L0 = "L0"
    L1 = "L1"
    L2 = "L2"
    L3 = "L3"
    L4 = "L4"


LEVELS: Final = tuple(Level)
LEVEL_NAMES: Final = {
    Level.L0: "bytes",
    Level.L1: "keys",
    Level.L2: "rules",
    Level.L3: "replay",
    Level.L4: "history",
}


class Code(NamedTuple):
    """One code: the level whose check it ends, and what it means."""

    level: Level
    meaning: str


def _codes(level: Level, meanings: dict[str, str]) -> dict[str, Code]:
    return {code: Code(level, meaning) for code, meaning in meanings.items()}


def _of_checkpoint(name: str, log: str) -> dict[str, str]:
    return {
        f"{name}_NOTE": f"The {log}'s checkpoint is no signed note, so nothing vouches for it.",
        f"{name}_SHAPE": f"The {log}'s checkpoint is a note but states no origin, size and root.",
        f"{name}_ORIGIN": f"The checkpoint is that of another {log}.",
        f"{name}_SIZE": f"The checkpoint was signed when the {log} had another number of records.",
        f"{name}_ROOT": f"The {log} is not the one that its checkpoint was signed over.",
    }


def _keys_of_checkpoint(name: str, log: str) -> dict[str, str]:
    return {
        f"{name}_SIGNATURE": f"A trusted key's signature on the {log}'s checkpoint is not its own.",
        f"{name}_KEY_UNKNOWN": f"No key that you trust has signed the {log}'s checkpoint.",
        f"{name}_WITNESS": f"Too few of your witnesses have seen the {log}'s checkpoint.",
    }


_LOG_MEANINGS: Final = {
    LogCode.EMPTY: "The ledger holds no record at all.",
    LogCode.LINE_TOO_LONG: "A record of the ledger is longer than any that is written.",
    LogCode.TORN_LINE: "The ledger's last line is cut off, as after a crash.",
    LogCode.NOT_CANONICAL: "A line of the ledger was spelt by another hand than the ledger's.",
    LogCode.RECORD_SCHEMA: "A line of the ledger is no record.",
    LogCode.SEQ_GAP: "A record is missing from the ledger, doubled or out of its place.",
    LogCode.START_MISSING: "The ledger does not begin with the record that says what is run.",
    LogCode.START_REPEATED: "The ledger begins a second time within itself.",
    LogCode.END_CHECK: "The ledger's last record was changed.",
    LogCode.CHAIN_BROKEN: "A record was changed after the next one had been written.",
    LogCode.TIME_BACKWARDS: "Time runs backwards in the ledger.",
    LogCode.EVENT_DUPLICATE: "One event took effect twice.",
    LogCode.COUNT_MISMATCH: "The ledger has not as many events as its end counts.",
    LogCode.ROOT_MISMATCH: "The records are not those that the ledger's end was written for.",
    LogCode.TRAILING_DATA: "Something was added after the ledger's end.",
    LogCode.TRUNCATED: "The ledger has no end: it was cut, or the episode was never finished.",
}

_BYTES: Final = {
    "BUNDLE_NOT_A_FOLDER": "There is no bundle at this place.",
    "BUNDLE_EMPTY": "The folder holds nothing.",
    "BUNDLE_FILE_KIND": "Something in the folder is no plain file, so its content could be moved.",
    "BUNDLE_NAME_ILLEGAL": "A file has a name that no bundle's file has.",
    "BUNDLE_FILE_MISSING": "A file that the bundle needs or lists is not there.",
    "ENVELOPE_NOT_CANONICAL": "The manifest's bytes are not those of a manifest as it is written.",
    "ENVELOPE_SCHEMA": "The manifest is no envelope.",
    "ENVELOPE_TYPE": "The manifest's envelope holds something else than a statement.",
    "STATEMENT_NOT_CANONICAL": "The statement's bytes are not those of one as it is written.",
    "STATEMENT_SCHEMA": "The statement does not say what a bundle's statement says.",
    "STATEMENT_SUBJECTS": "The statement lists files that make no bundle.",
    "BUNDLE_FILE_EXTRA": "A file is there that the signed statement does not list.",
    "BUNDLE_FILE_DIGEST": "A file is not the one that the statement was made for.",
    **{str(code): meaning for code, meaning in _LOG_MEANINGS.items()},
    "START_SCHEMA": "The ledger does not say what was run.",
    "KEYS_DIGEST": "The agents' keys in the ledger are not those that it names by digest.",
    "KEYS_WEAK": "An agent's key is one under which anybody's signature would pass.",
    "SCENARIO_DIGEST": "The initial state in the ledger is not the one that it names by digest.",
    "RECORD_SCHEMA": "An event or an outcome in the ledger is not one that an engine writes.",
    "POLICY_NOT_CANONICAL": "The policy's bytes are not those of a policy as it is written.",
    "POLICY_SCHEMA": "The policy's file holds no policy.",
    "POLICY_FINGERPRINT": "The policy is not the one that the episode ran under.",
    **_of_checkpoint("CHECKPOINT", "ledger"),
    "RECEIPT_NONE": "The bundle tells nothing of any specimen or result.",
    "RECEIPT_MISMATCH": "A receipt tells something else of a specimen or result than the ledger.",
    "RUNLOG_NOT_CANONICAL": "A line of the run's log was spelt by another hand, or is cut off.",
    "RUNLOG_SCHEMA": "A line of the run's log is no record.",
    "RUNLOG_CHAIN": "The run's log was changed after it had been written.",
    "RUNLOG_ORDER": "The run's log tells of something that cannot happen in a run.",
    "RUNLOG_EPISODE": "The run did not end with this episode in it.",
    **_of_checkpoint("RUN_CHECKPOINT", "run's log"),
    "PREDICATE_MISMATCH": "The signed statement says something that the files do not bear out.",
}

_KEYS: Final = {
    "ENVELOPE_UNSIGNED": "Nobody has signed the bundle.",
    "ENVELOPE_SIGNATURE": "A trusted key's signature on the bundle is not its own.",
    "ENVELOPE_KEY_UNKNOWN": "No key that you trust has signed the bundle.",
    "ENVELOPE_THRESHOLD": "Fewer trusted keys have signed the bundle than you ask for.",
    **_keys_of_checkpoint("CHECKPOINT", "ledger"),
    **_keys_of_checkpoint("RUN_CHECKPOINT", "run's log"),
    "POLICY_NOT_TRUSTED": "The episode ran under a policy that is not among yours.",
    "KEYS_NOT_TRUSTED": "The episode ran with agents' keys that are not among yours.",
    "AGENT_SIGNATURE_MISSING": "An action that must be signed was accepted without signature.",
    "AGENT_KEY_UNKNOWN": "An action was accepted under a key that is not registered.",
    "AGENT_KEY_MISMATCH": "An action was accepted under a key of another agent or role.",
    "AGENT_KEY_VALIDITY": "An action was accepted under a key outside its life.",
    "AGENT_SIGNATURE_BAD": "An accepted action is not the one that its agent signed.",
    "AGENT_HEAD_STALE": "An action was signed over another history than the ledger's.",
}

_RULES: Final = {
    "RULE_FROZEN": "Something was done, or judged, although the ledger was frozen.",
    "RULE_TIME": "An event was accepted, or judged, at a time that was not its own.",
    "RULE_IDENTITY": "An event was accepted, or judged, under an id that was used before.",
    "RULE_CONTAINMENT": "An agent acted although enforcement had stopped it.",
    "RULE_ROLE": "An agent did what its role may not do, or was refused for another reason.",
    "RULE_CAPABILITY": "An agent went beyond what its role's limits allow.",
    "RULE_SIGNATURE": "An event whose signature does not count was not refused for that.",
    "RULE_TOKEN": "A permission was used that was not there, or was minted without approval.",
    "RULE_FALSE_REFUSAL": "An event was refused for a reason that the ledger disproves.",
    "RULE_ORIGIN": "Something that no agent may cause is recorded as if it happened by itself.",
    "RULE_OUTCOME_ROLE": "An event was accepted in a role that its agent did not hold.",
    "RULE_REASON": "An outcome gives a reason where it must not, or none or a strange one else.",
    "RULE_INVARIANT": "What an outcome says of invariants is not what policy makes of it.",
    "RULE_ENFORCEMENT": "What followed a violation is not what policy asks for.",
    "RULE_LIFECYCLE": "A specimen or result did what none can do.",
}

_REPLAY: Final = {
    "REPLAY_SCENARIO_MISSING": "The ledger does not hold the initial state, so none can rerun it.",
    "REPLAY_UNAVAILABLE": "What is installed here cannot rerun this episode.",
    "REPLAY_POLICY": "The policy is not one that an engine can run.",
    "REPLAY_MISMATCH": "Run again, the episode does not come out as the ledger says.",
}

_HISTORY: Final = {
    "HISTORY_NO_RUN_LOG": "The bundle does not tell which run the episode belongs to.",
    "HISTORY_OPEN": "The run is not finished, or an episode of it was begun and never ended.",
    "HISTORY_ROLLBACK": "You have seen more of this run than the bundle shows.",
    "HISTORY_FORK": "You have seen this run with another history.",
}

CODES: Final[dict[str, Code]] = {
    **_codes(Level.L0, _BYTES),
    **_codes(Level.L1, _KEYS),
    **_codes(Level.L2, _RULES),
    **_codes(Level.L3, _REPLAY),
    **_codes(Level.L4, _HISTORY),
}
"""Code to level and meaning, in the order of the checks."""
