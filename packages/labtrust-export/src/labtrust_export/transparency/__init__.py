"""An append-only log of releases and bundles, with a signed checkpoint and a proof an entry.

entries.jsonl   one canonical line an entry, only ever appended to
checkpoint      signed note about all of them
proofs/         <digest>.tlog-proof of every entry
"""

from typing import Final

ENTRIES: Final = "entries.jsonl"
CHECKPOINT: Final = "checkpoint"
PROOFS: Final = "proofs"
PROOF_SUFFIX: Final = ".tlog-proof"
DERIVED_ORIGIN: Final = "labtrust/transparency/"
