"""Documented path of `labtrust_core.errors`."""

from labtrust_core.errors import (
    CanonicalError,
    DocumentError,
    DomainError,
    LabTrustError,
    LedgerError,
    MissingExtraError,
    PluginConflictError,
    PluginError,
    PolicyError,
    ScenarioError,
    SignatureError,
    UnknownNameError,
    UsageError,
)

__all__ = [
    "CanonicalError",
    "DocumentError",
    "DomainError",
    "LabTrustError",
    "LedgerError",
    "MissingExtraError",
    "PluginConflictError",
    "PluginError",
    "PolicyError",
    "ScenarioError",
    "SignatureError",
    "UnknownNameError",
    "UsageError",
]
