"""PettingZoo and Gymnasium environments over the LabTrust engine."""

__version__ = "0.1.0"
