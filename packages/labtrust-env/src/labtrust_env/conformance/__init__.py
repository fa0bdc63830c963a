"""Conformance checks for PettingZoo parallel environments.

``CHECKS`` is a table: name to a function that takes a factory of environments and raises where an
environment breaks a convention. ``run_checks`` runs them and returns what each found.
"""

from __future__ import annotations

from labtrust_env.conformance.errors import ConformanceError, NotApplicableError
from labtrust_env.conformance.playing import Factory
from labtrust_env.conformance.table import CHECKS, Check, Finding, find_check, run_check, run_checks

__all__ = [
    "CHECKS",
    "Check",
    "ConformanceError",
    "Factory",
    "Finding",
    "NotApplicableError",
    "find_check",
    "run_check",
    "run_checks",
]
