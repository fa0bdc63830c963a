"""The parts of `tools/independent_verifier.py`; nothing of LabTrust is imported."""
