"""The append-only ledger: hash chain, Merkle tree, log file, its recovery and its verification."""
