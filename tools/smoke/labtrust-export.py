"""Smoke of the labtrust-export wheel: an envelope is signed, read back and checked."""

import sys
import tempfile
from pathlib import Path

from labtrust_core.trust.key_files import read_signing_key, write_key
from labtrust_export.envelope import read_envelope, signed, signers


def main() -> int:
    """Sign and check; 0 when all is well."""
    with tempfile.TemporaryDirectory() as folder:
        public = write_key(Path(folder), "smoke")
        key = read_signing_key(Path(folder) / "smoke.key")
    envelope = signed("application/vnd.in-toto+json", b"{}", [(key.name, key.private)])
    good, bad = signers(read_envelope(envelope.encoded()), [public])
    print(f"signed by {', '.join(sorted(good))}")
    return 0 if good and not bad else 1


if __name__ == "__main__":
    sys.exit(main())
