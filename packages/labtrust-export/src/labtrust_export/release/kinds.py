"""What kind of thing a file of a release is, told by its path alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from labtrust_export.release import PROVENANCE, SBOM
from labtrust_export.transparency.entries import is_bundle_folder

BUNDLE_FILE: Final = "bundle_file"
OTHER: Final = "other"
_BUNDLE_NAME: Final = "EvidenceBundle.v0.1"

_RULES: Final = (  # the first that matches the whole path decides
    ("provenance", re.escape(PROVENANCE)),
    ("sbom", re.escape(SBOM)),
    ("transparency_log", r"(.*/)?TRANSPARENCY_LOG/.*"),
    ("security", r"(.*/)?SECURITY/.*"),
    ("safety_case", r"(.*/)?SAFETY_CASE/.*"),
    ("risk_register", r"(.*/)?RISK_REGISTER[^/]*"),
    ("fhir", r"(.*/)?[^/]*fhir[^/]*\.json"),
    ("results", r"(.*/)?results[^/]*\.json"),
    ("episodes", r"(.*/)?episodes\.jsonl"),
    ("summary", r"(.*/)?summary[^/]*\.(csv|md|json)"),
    ("table", r"(.*/)?[^/]*\.csv"),
    ("plot", r"(.*/)?[^/]*\.(svg|png|pdf)"),
    ("card", r"(.*/)?[^/]*CARD\.md"),
)
_COMPILED: Final = tuple((kind, re.compile(rule + r"\Z")) for kind, rule in _RULES)
KINDS: Final = (BUNDLE_FILE, *(kind for kind, _rule in _RULES), OTHER)


def bundle_folders(paths: Iterable[str]) -> list[str]:
    """Return the folders that are evidence bundles, in order; ``""`` is the release itself."""
    files: dict[str, list[str]] = {}
    named: set[str] = set()
    for path in paths:
        folder, _slash, name = path.rpartition("/")
        files.setdefault(folder, []).append(name)
        parts = folder.split("/")
        named |= {
            "/".join(parts[: place + 1]) for place, part in enumerate(parts) if part == _BUNDLE_NAME
        }
    found = {
        folder
        for folder, names in files.items()
        if is_bundle_folder(folder.rpartition("/")[2], names)
    }
    return sorted(found | named)


def kind_of(path: str, bundles: Sequence[str]) -> str:
    """Return the kind of a file.

    Args:
        path: Its relative path.
        bundles: The folders of the bundles of its release.
    """
    if any(path.startswith(f"{folder}/") for folder in bundles):
        return BUNDLE_FILE
    return next((kind for kind, rule in _COMPILED if rule.match(path)), OTHER)


def count_kinds(paths: Iterable[str], bundles: Sequence[str]) -> dict[str, int]:
    """Return how many files of each kind there are; every kind is named."""
    counts = dict.fromkeys(KINDS, 0)
    inside = dict.fromkeys(bundles)
    for path in paths:
        counts[_kind_in(path, inside)] += 1
    return counts


def _kind_in(path: str, bundles: dict[str, None]) -> str:
    """As ``kind_of``, in a time that does not grow with the number of bundles."""
    parts = path.split("/")
    above = ("/".join(parts[:place]) for place in range(1, len(parts)))
    return kind_of(path, [folder for folder in above if folder in bundles])
