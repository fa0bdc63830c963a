"""Tasks, agents, run loop and metrics of LabTrust."""

__version__ = "0.1.0"
