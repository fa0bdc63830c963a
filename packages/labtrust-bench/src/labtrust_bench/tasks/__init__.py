"""Benchmark tasks: what is run, and what is measured against."""
