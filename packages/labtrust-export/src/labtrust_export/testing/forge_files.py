"""Forgeries of the folder: what lies in it, and whether it is what the manifest lists."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Final

from labtrust_export.testing.forgery import Forged, Good, forges
from labtrust_export.testing.sealing import MANIFEST, Files, resealed, statement_in, with_statement

_TRICKS: Final = {
    "gone": "BUNDLE_NOT_A_FOLDER",
    "plain-file": "BUNDLE_NOT_A_FOLDER",
    "linked-folder": "BUNDLE_NOT_A_FOLDER",
    "linked-file": "BUNDLE_FILE_KIND",
    "linked-manifest": "BUNDLE_FILE_KIND",
    "dangling-link": "BUNDLE_FILE_KIND",
    "link-within": "BUNDLE_FILE_KIND",
    "link-to-itself": "BUNDLE_FILE_KIND",
    "subfolder": "BUNDLE_FILE_KIND",
    "empty-subfolder": "BUNDLE_FILE_KIND",
    "folder-for-file": "BUNDLE_FILE_KIND",
    "pipe": "BUNDLE_FILE_KIND",
    "pipe-for-manifest": "BUNDLE_FILE_KIND",
    "hard-link": "BUNDLE_FILE_EXTRA",
}
_ILLEGAL: Final = {
    "blank": "a b",
    "umlaut": "beleg\u00e4.json",
    "decomposed": "belega\u0308.json",
    "plus": "receipts+.jsonl",
    "tilde": "manifest.json~",
    "line-feed": "checkpoint\n",
    "right-to-left": "receipts\u202elnosj.txt",
    "backslash": "..\\receipts.jsonl",
    "percent": "%2e%2e",
    "colon": "manifest.json:stream",
}
_EXTRA: Final = (
    ".hidden",
    "..receipts.jsonl",
    "Manifest.json",
    "MANIFEST.JSON",
    "manifest.json.bak",
    "trust-policy.json",
    "attacker.pub",
    "receipts.jsonl.1",
    "run_log.jsonl",
    "zz",
)
_PLACES: Final = {"first": 0, "middle": 0.5, "last": 1}


def _others(files: Files) -> list[str]:
    return sorted(name for name in files if name != MANIFEST)


def _places(good: Good, data: bytes) -> Iterator[tuple[str, int]]:
    if good.thorough:
        yield from ((str(index), index) for index in range(len(data)))
    else:
        yield from ((name, int(part * (len(data) - 1))) for name, part in _PLACES.items())


@forges(
    "folder-tricks",
    "shows something that is no flat folder of regular files: a link, a pipe, a folder in it",
    level="L0",
    bases=("signed", "run"),
    holes=("B06",),
)
def folder_tricks(good: Good) -> Iterator[Forged]:
    """Yield every trick with the file system."""
    for trick, code in _TRICKS.items():
        yield Forged(trick, good.files, code, trick=trick)


@forges("folder-empty", "shows an empty folder", level="L0", bases=("signed",), holes=("S04",))
def folder_empty(_good: Good) -> Iterator[Forged]:
    """Yield a folder with nothing in it."""
    yield Forged("nothing", {}, "BUNDLE_EMPTY")


@forges(
    "files-hollow",
    "keeps all names and empties the files, or fills them with one byte",
    level="L0",
    bases=("signed", "run"),
)
def files_hollow(good: Good) -> Iterator[Forged]:
    """Yield bundles of hollow files."""
    for name, data in {"empty": b"", "line": b"\n", "zeros": bytes(64), "braces": b"{}"}.items():
        yield Forged(name, dict.fromkeys(good.files, data), "ENVELOPE_NOT_CANONICAL")


@forges(
    "file-illegal-name",
    "adds a file whose name one system reads as another",
    level="L0",
    bases=("signed",),
)
def file_illegal_name(good: Good) -> Iterator[Forged]:
    """Yield bundles with a file of an illegal name."""
    for what, name in _ILLEGAL.items():
        yield Forged(what, good.files | {name: b"x\n"}, "BUNDLE_NAME_ILLEGAL")


@forges(
    "file-missing",
    "takes a file out",
    level="L0",
    bases=("signed", "run"),
    holes=("B04", "B29"),
)
def file_missing(good: Good) -> Iterator[Forged]:
    """Yield bundles that lack one file, or all but some."""
    for gone in sorted(good.files):
        kept = {name: data for name, data in good.files.items() if name != gone}
        yield Forged(gone, kept, "BUNDLE_FILE_MISSING")
    rest = {name: good.files[name] for name in (MANIFEST, "episode_log.jsonl")}
    yield Forged("all-but-log", rest, "BUNDLE_FILE_MISSING")
    yield Forged("all-but-manifest", {MANIFEST: good.files[MANIFEST]}, "BUNDLE_FILE_MISSING")


@forges(
    "file-missing-resigned",
    "takes a needed file out and off the manifest; the producer signs that",
    level="L0",
    bases=("signed", "run"),
    holes=("B29",),
)
def file_missing_resigned(good: Good) -> Iterator[Forged]:
    """Yield bundles whose manifest does without a file that is needed."""
    for gone in _others(good.files):
        kept = {name: data for name, data in good.files.items() if name != gone}
        yield Forged(gone, resealed(kept), "STATEMENT_SUBJECTS")


@forges(
    "file-extra",
    "adds a file that the manifest does not list",
    level="L0",
    bases=("signed",),
    holes=("B05",),
)
def file_extra(good: Good) -> Iterator[Forged]:
    """Yield bundles with a file too many."""
    for name in _EXTRA:
        if name.lower() not in good.files or name == "manifest.json.bak":
            yield Forged(name, good.files | {name: b"x\n"}, "BUNDLE_FILE_EXTRA")


@forges(
    "file-byte",
    "changes, takes out or puts in one byte of a file",
    level="L0",
    bases=("signed", "run"),
    holes=("B01", "B02"),
)
def file_byte(good: Good) -> Iterator[Forged]:
    """Yield bundles with one byte that is not what the manifest says."""
    for name in _others(good.files):
        data = good.files[name]
        for where, index in _places(good, data):
            flipped = data[:index] + bytes([data[index] ^ 1]) + data[index + 1 :]
            cut = data[:index] + data[index + 1 :]
            for what, changed in (("flipped", flipped), ("cut", cut)):
                yield Forged(
                    f"{name}-{where}-{what}", good.files | {name: changed}, "BUNDLE_FILE_DIGEST"
                )
        for what, changed in {
            "empty": b"",
            "line-feed": data + b"\n",
            "no-line-feed": data[:-1],
            "half": data[: len(data) // 2],
            "twice": data * 2,
            "zeros": bytes(len(data)),
        }.items():
            yield Forged(f"{name}-{what}", good.files | {name: changed}, "BUNDLE_FILE_DIGEST")


@forges(
    "log-lines-only",
    "swaps, cuts or doubles lines of the log and leaves all else alone",
    level="L0",
    bases=("signed", "clocked"),
    holes=("B07",),
)
def log_lines_only(good: Good) -> Iterator[Forged]:
    """Yield bundles whose log has its lines in another order or number."""
    lines = list(good.episode.lines)
    for index in range(len(lines)):
        for what, changed in {
            "out": lines[:index] + lines[index + 1 :],
            "doubled": [*lines[: index + 1], *lines[index:]],
            "cut-here": lines[:index],
            "first": [lines[index], *lines[:index], *lines[index + 1 :]],
        }.items():
            if changed != lines:
                data = b"".join(line + b"\n" for line in changed)
                files = good.files | {"episode_log.jsonl": data}
                yield Forged(f"{index}-{what}", files, "BUNDLE_FILE_DIGEST")


@forges(
    "files-swapped",
    "gives two files each other's content",
    level="L0",
    bases=("signed", "run"),
)
def files_swapped(good: Good) -> Iterator[Forged]:
    """Yield bundles in which two files have changed places."""
    for one, two in combinations(_others(good.files), 2):
        files = good.files | {one: good.files[two], two: good.files[one]}
        yield Forged(f"{one}-{two}", files, "BUNDLE_FILE_DIGEST")


@forges(
    "digest-changed",
    "changes a digest in the manifest, to another or to a constant",
    level="L0",
    bases=("signed", "run"),
    holes=("B03",),
)
def digest_changed(good: Good) -> Iterator[Forged]:
    """Yield bundles whose manifest states a wrong digest, signed by the producer."""
    for index, item in enumerate(statement_in(good.files)["subject"]):
        right = item["digest"]["sha256"]
        turned = right[:-1] + ("0" if right[-1] != "0" else "1")
        for what, digest in {"turned": turned, "zeros": "0" * 64, "ones": "1" * 64}.items():
            statement = statement_in(good.files)
            statement["subject"][index]["digest"]["sha256"] = digest
            files = with_statement(good.files, statement)
            yield Forged(f"{item['name']}-{what}", files, "BUNDLE_FILE_DIGEST")
