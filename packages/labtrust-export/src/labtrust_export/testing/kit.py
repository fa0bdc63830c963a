"""The conformance kit: good bundles and forgeries as files, and what a verifier must say of each.

A kit is a folder: ``expected.json`` lists the cases; ``files.zip`` holds the files that they
consist of, each once, under its SHA-256.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from labtrust_core.canonical import canonical_bytes
from labtrust_core.errors import DocumentError, UsageError

from labtrust_export.testing.accepted import accepted
from labtrust_export.testing.battery import below, classes, some, tried
from labtrust_export.testing.forgery import BASES, RUNS, Forgery, good, honest_trust
from labtrust_export.testing.sealing import Files, Record
from labtrust_export.testing.signers import trust_bytes
from labtrust_export.testing.subject import own_verifier
from labtrust_export.verify.codes import CODES

EXPECTED: Final = "expected.json"
ARCHIVE: Final = "files.zip"
VERSION: Final = "0.1"
A_CLASS: Final = 1  # forgeries of a class and bundle; at L0, of a class

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_EMPTY_STATE: Final[Record] = {"version": "0.1", "runs": {}}
_Digest = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A bundle, the caller's part, and the verdict.

    Attributes:
        name: Its name.
        about: What was done to the bundle.
        level: The level that is asked for.
        reached: The level that must be reached, or None where not even L0 is.
        code: The code of the failure, or None where there must be none.
        files: Name of each file in the bundle's folder to its SHA-256.
        trust: SHA-256 of the caller's trust policy.
        state: SHA-256 of the caller's state, or None where the level needs none.
        trick: What is done to the folder (a name in ``tricks.TRICKS``), or None.
    """

    name: str
    about: str
    level: str
    reached: str | None
    code: str | None
    files: dict[str, _Digest]
    trust: _Digest
    state: _Digest | None
    trick: str | None


class _Expected(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: str
    cases: list[Case]


class KitError(DocumentError):
    """A folder is no conformance kit."""


@dataclass
class Kit:
    """Cases, and the content of their files by SHA-256."""

    cases: list[Case] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)

    def add(
        self, case: Mapping[str, Any], files: Files, trust: Record, state: Record | None
    ) -> None:
        """Add a case: its own fields, the bundle's files, the caller's trust policy and state."""
        self.cases.append(
            Case(
                files={name: self._kept(data) for name, data in sorted(files.items())},
                trust=self._kept(trust_bytes(trust)),
                state=None if state is None else self._kept(canonical_bytes(state) + b"\n"),
                **case,
            )
        )

    def _kept(self, data: bytes) -> str:
        digest = sha256(data).hexdigest()
        self.blobs[digest] = data
        return digest

    def content(self, case: Case) -> Files:
        """Return the files of a case's bundle."""
        return {name: self.blobs[digest] for name, digest in case.files.items()}

    def write(self, folder: Path) -> None:
        """Write the kit to a folder, over an older one.

        Raises:
            UsageError: It cannot be written.
        """
        expected = json.dumps(
            msgspec.to_builtins(_Expected(VERSION, self.cases)), indent=1, ensure_ascii=True
        )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / EXPECTED).write_text(expected + "\n", encoding="ascii")
            with zipfile.ZipFile(folder / ARCHIVE, "w") as archive:
                for digest, data in sorted(self.blobs.items()):
                    info = zipfile.ZipInfo(digest, _EPOCH)
                    info.external_attr = 0o644 << 16
                    archive.writestr(info, data, zipfile.ZIP_DEFLATED, compresslevel=9)
        except OSError as error:
            raise UsageError(f"cannot write the kit {folder}: {error.strerror}") from error


def read_kit(folder: Path) -> Kit:
    """Read a kit.

    Raises:
        UsageError: A file is missing or cannot be read.
        KitError: It is no kit, or a file is not the one of its digest.
    """
    try:
        stated = msgspec.json.decode((folder / EXPECTED).read_bytes(), type=_Expected)
        with zipfile.ZipFile(folder / ARCHIVE) as archive:
            blobs = {name: archive.read(name) for name in archive.namelist()}
    except OSError as error:
        raise UsageError(f"cannot read the kit {folder}: {error.strerror}") from error
    except (msgspec.MsgspecError, zipfile.BadZipFile) as error:
        raise KitError(f"not a conformance kit: {error}", file=folder) from error
    for digest, data in blobs.items():
        if sha256(data).hexdigest() != digest:
            raise KitError("a file is not the one of its digest", file=folder / ARCHIVE)
    needed = {item for case in stated.cases for item in (*case.files.values(), case.trust)}
    if not needed <= blobs.keys():
        raise KitError("files of some cases are missing", file=folder / ARCHIVE)
    return Kit(stated.cases, blobs)


def make_kit() -> Kit:
    """Make the kit: all good bundles, all that is accepted on purpose, some of each forgery."""
    kit = Kit()
    for name in BASES:
        _add_good(kit, name)
    for item, made in accepted():
        state = made.state or (_EMPTY_STATE if item.level == "L4" else None)
        kit.add(
            {
                "name": f"accepted/{item.name}",
                "about": item.story,
                "level": item.level,
                "reached": item.level,
                "code": None,
                "trick": None,
            },
            made.files,
            honest_trust() if made.trust is None else made.trust,
            state,
        )
    for kind in classes():
        found = some(kind, A_CLASS)
        chosen = islice(found, 1) if kind.level == "L0" else found
        for forgery, code in _with_codes(chosen):
            _add_forgery(kit, forgery, code)
    return kit


def _add_good(kit: Kit, name: str) -> None:
    levels = ("L2", "L3", "L4") if name in RUNS else ("L2", "L3")
    for level in levels:
        case = {
            "name": f"good/{name}/{level}",
            "about": "an honest bundle",
            "level": level,
            "reached": level,
            "code": None,
            "trick": None,
        }
        kit.add(case, good(name).files, honest_trust(), _EMPTY_STATE if level == "L4" else None)


def _add_forgery(kit: Kit, forgery: Forgery, code: str) -> None:
    level = forgery.kind.level
    case = {
        "name": forgery.name,
        "about": forgery.kind.attacker,
        "level": level,
        "reached": below(CODES[code].level),
        "code": code,
        "trick": forgery.made.trick,
    }
    state = (forgery.made.state or _EMPTY_STATE) if level == "L4" else None
    kit.add(case, forgery.made.files, forgery.trust, state)


def _with_codes(found: Iterable[Forgery]) -> Iterator[tuple[Forgery, str]]:
    """Yield forgeries and their one code; where chance decides, it is what LabTrust says."""
    with tempfile.TemporaryDirectory(prefix="labtrust-kit-") as place:
        for forgery in found:
            if len(forgery.codes) == 1:
                yield forgery, next(iter(forgery.codes))
                continue
            ((_same, said),) = tried(own_verifier, [forgery], Path(place))
            if said.code in forgery.codes:
                yield forgery, said.code
