"""Verification of evidence bundles, from bytes to history, against the caller's trust policy."""
