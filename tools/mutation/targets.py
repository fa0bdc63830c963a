"""The modules that are mutated, and the tests that have to notice."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_CORE: Final = "packages/labtrust-core/tests"
_EXPORT: Final = "packages/labtrust-export/tests"


@dataclass(frozen=True, slots=True)
class Group:
    """Modules and their tests.

    Attributes:
        modules: Dotted names.
        tests: Files or folders, relative to the root of the sources.
        without: Tests that are left out: each takes longer than all others together, and repeats
            at length what a shorter one does too; or it starts processes, which know no mutant.
        anew: Whether each mutant makes the fixtures of the session again: so it must be where the
            mutated code takes part in making them.
    """

    modules: tuple[str, ...]
    tests: tuple[str, ...]
    without: tuple[str, ...] = ()
    anew: bool = False


def _all(package: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{package}.{name}" for name in names)


GROUPS: Final = {
    "canonical": Group(
        _all("labtrust_core", "canonical"),
        (
            f"{_CORE}/test_canonical.py",
            f"{_CORE}/test_canonical_parse.py",
            f"{_CORE}/test_canonical_sanitise.py",
            f"{_CORE}/test_vectors.py",
        ),
        ("numbers_are_spelt",),
        anew=True,
    ),
    "ledger": Group(
        _all(
            "labtrust_core.ledger",
            "chain",
            "files",
            "merkle",
            "proofs",
            "record",
            "recover",
            "run_log",
            "run_log_writer",
            "verify",
            "writer",
        ),
        (
            f"{_CORE}/test_ledger_chain.py",
            f"{_CORE}/test_ledger_crash.py",
            f"{_CORE}/test_ledger_disk.py",
            f"{_CORE}/test_ledger_files.py",
            f"{_CORE}/test_ledger_hashes.py",
            f"{_CORE}/test_ledger_merkle.py",
            f"{_CORE}/test_ledger_recover.py",
            f"{_CORE}/test_ledger_run_log.py",
            f"{_CORE}/test_ledger_run_log_crash.py",
            f"{_CORE}/test_ledger_verify.py",
            f"{_CORE}/test_ledger_writer.py",
            f"{_CORE}/test_vectors.py",
        ),
        (
            "test_any_log_survives_any_fault_many_times",
            "test_a_log_cut_at_any_byte",
            "test_forty_killed_processes",
            "numbers_are_spelt",
        ),
        anew=True,
    ),
    "signatures": Group(
        _all("labtrust_core.trust", "signatures", "keys", "notes", "checkpoints", "key_files"),
        (
            f"{_CORE}/test_trust_checkpoints.py",
            f"{_CORE}/test_trust_key_files.py",
            f"{_CORE}/test_trust_keys.py",
            f"{_CORE}/test_trust_notes.py",
            f"{_CORE}/test_trust_signatures.py",
            f"{_CORE}/test_trust_tokens.py",
            f"{_CORE}/test_vectors.py",
        ),
        ("numbers_are_spelt",),
        anew=True,
    ),
    "bundle": Group(
        _all(
            "labtrust_export",
            "envelope",
            "statement",
            "start",
            "episode",
            "trust_policy",
            "receipts",
            "receipt_rules",
            "checkpoints",
        ),
        (f"{_EXPORT}/test_envelope.py", f"{_EXPORT}/bundle", f"{_EXPORT}/verify"),
        ("test_whatever_the_records_hold", "test_episodes_under_an_overlay", "test_replay"),
    ),
    "verifier": Group(
        _all(
            "labtrust_export.verify",
            "agents",
            "checkpoints",
            "codes",
            "contents",
            "episode",
            "files",
            "gates",
            "history",
            "manifest",
            "outcomes",
            "policy",
            "records",
            "replay",
            "report",
            "rule_state",
            "run",
            "start",
            "verifier",
        ),
        (f"{_EXPORT}/verify", f"{_EXPORT}/test_forgeries.py"),
        (
            "test_episodes_under_an_overlay",
            "battery",
            "every_forgery_has",
            "every_class_has",
            "no_forgery_is",
            "every_code_of",
        ),
    ),
}


def source_of(module: str) -> Path:
    """Return the file of a module that can be imported.

    Raises:
        ModuleNotFoundError: There is no such module.
    """
    found = importlib.util.find_spec(module)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(module)
    return Path(found.origin)
