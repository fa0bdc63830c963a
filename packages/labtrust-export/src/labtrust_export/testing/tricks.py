"""Writing a bundle to a folder, with the tricks of a file system that bytes cannot carry."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

Trick = Callable[[Path, Mapping[str, bytes]], None]

FOLDER: Final = "EvidenceBundle.v0.1"


def written(place: Path, files: Mapping[str, bytes], trick: str | None = None) -> Path:
    """Write a bundle below a folder and return where it is.

    Args:
        place: A folder of its own; made if need be.
        files: Its files.
        trick: What is done to it then (a name in ``TRICKS``).
    """
    bundle = place / FOLDER
    bundle.mkdir(parents=True)
    for name, data in files.items():
        (bundle / name).write_bytes(data)
    if trick is not None:
        TRICKS[trick](bundle, files)
    return bundle


def _moved(bundle: Path) -> Path:
    """Move a bundle aside and return where it went."""
    aside = bundle.with_name("aside")
    bundle.rename(aside)
    return aside


def _gone(bundle: Path, _files: Mapping[str, bytes]) -> None:
    _moved(bundle)


def _plain_file(bundle: Path, files: Mapping[str, bytes]) -> None:
    _moved(bundle)
    bundle.write_bytes(b"".join(files.values()))


def _linked_folder(bundle: Path, _files: Mapping[str, bytes]) -> None:
    bundle.symlink_to(_moved(bundle), target_is_directory=True)


def _linked_file(bundle: Path, _files: Mapping[str, bytes]) -> None:
    log = bundle / "episode_log.jsonl"
    aside = bundle.with_name("log_elsewhere")
    log.rename(aside)
    log.symlink_to(aside)


def _linked_manifest(bundle: Path, _files: Mapping[str, bytes]) -> None:
    manifest = bundle / "manifest.json"
    aside = bundle.with_name("manifest_elsewhere")
    manifest.rename(aside)
    manifest.symlink_to(aside)


def _dangling(bundle: Path, _files: Mapping[str, bytes]) -> None:
    (bundle / "receipts.jsonl").unlink()
    (bundle / "receipts.jsonl").symlink_to("nowhere")


def _link_within(bundle: Path, _files: Mapping[str, bytes]) -> None:
    (bundle / "checkpoint2").symlink_to("checkpoint")


def _loop(bundle: Path, _files: Mapping[str, bytes]) -> None:
    (bundle / "loop").symlink_to("loop")


def _subfolder(bundle: Path, _files: Mapping[str, bytes]) -> None:
    (bundle / "extra").mkdir()
    (bundle / "extra" / "note.txt").write_bytes(b"unseen\n")


def _empty_subfolder(bundle: Path, _files: Mapping[str, bytes]) -> None:
    (bundle / "extra").mkdir()


def _folder_for_file(bundle: Path, _files: Mapping[str, bytes]) -> None:
    (bundle / "checkpoint").unlink()
    (bundle / "checkpoint").mkdir()


def _pipe(bundle: Path, _files: Mapping[str, bytes]) -> None:
    os.mkfifo(bundle / "pipe")


def _pipe_for_manifest(bundle: Path, _files: Mapping[str, bytes]) -> None:
    (bundle / "manifest.json").unlink()
    os.mkfifo(bundle / "manifest.json")


def _hard_link(bundle: Path, _files: Mapping[str, bytes]) -> None:
    os.link(bundle / "checkpoint", bundle / "checkpoint2")


TRICKS: Final[dict[str, Trick]] = {
    "gone": _gone,
    "plain-file": _plain_file,
    "linked-folder": _linked_folder,
    "linked-file": _linked_file,
    "linked-manifest": _linked_manifest,
    "dangling-link": _dangling,
    "link-within": _link_within,
    "link-to-itself": _loop,
    "subfolder": _subfolder,
    "empty-subfolder": _empty_subfolder,
    "folder-for-file": _folder_for_file,
    "pipe": _pipe,
    "pipe-for-manifest": _pipe_for_manifest,
    "hard-link": _hard_link,
}
