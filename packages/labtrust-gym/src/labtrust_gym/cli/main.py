"""Documented path of the entry point of `labtrust`."""

from labtrust_cli.main import main

__all__ = ["main"]
