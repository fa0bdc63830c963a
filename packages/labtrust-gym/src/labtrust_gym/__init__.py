"""LabTrust-Gym: one tested set of the LabTrust packages, at the documented import paths."""

__version__ = "0.1.0"
