"""Calibration: days of a site against published figures."""
