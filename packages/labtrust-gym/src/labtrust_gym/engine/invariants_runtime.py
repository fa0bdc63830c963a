"""Documented path of `labtrust_core.engine.invariant_handlers`."""

from labtrust_core.engine.invariant_handlers import register_invariant_handler

__all__ = ["register_invariant_handler"]
