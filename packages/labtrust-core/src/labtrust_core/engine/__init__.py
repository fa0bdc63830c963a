"""The kernel: gates, guards, handler, invariants, enforcement and ledger, for every domain."""
