"""Documented path of the command line."""
