"""Documented path of `labtrust_core.policy.load`."""

from labtrust_core.policy.load import load_policy

__all__ = ["load_policy"]
