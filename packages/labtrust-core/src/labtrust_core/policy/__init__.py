"""Policy is data: read, validate, overlay, convert to types, fingerprint."""
