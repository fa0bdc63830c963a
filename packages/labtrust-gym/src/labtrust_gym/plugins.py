"""Documented path of the loading of plugins."""

from labtrust_core.registry import load_plugins

__all__ = ["load_plugins"]
