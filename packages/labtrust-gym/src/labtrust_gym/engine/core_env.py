"""Documented path of `labtrust_core.engine.engine`."""

from labtrust_core.engine.engine import Engine

__all__ = ["Engine"]
