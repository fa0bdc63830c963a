"""Documented paths only; the code lives in the distributions."""
