"""The trust skeleton, from keys to enforcement. It knows no domain."""
