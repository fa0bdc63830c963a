"""Documented path of `labtrust_core.validation`."""

from labtrust_core.validation import check_policy

__all__ = ["check_policy"]
