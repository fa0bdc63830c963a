"""Runs: plan, episode loop, observers, metrics and results files."""
