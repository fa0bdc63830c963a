"""The manifest of a bundle: its envelope, its statement, and the files that the statement lists."""

from __future__ import annotations
