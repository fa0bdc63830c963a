"""Documented path of `labtrust_core.golden.runner`."""

from labtrust_core.golden.runner import run_golden

__all__ = ["run_golden"]
