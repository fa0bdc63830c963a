"""The operating system's file layer: what it asks of the system, and what it leaves open."""

import errno
import os
import stat
from pathlib import Path

import pytest
from labtrust_core.ledger.files import OsFiles

pytestmark = pytest.mark.skipif(os.name != "posix", reason="descriptors and modes of POSIX")


@pytest.fixture
def files():
    return OsFiles()


@pytest.fixture
def synced(monkeypatch):
    """What was synced: the kinds of files, in order."""
    kinds = []

    def fsync(fd):
        kinds.append("folder" if stat.S_ISDIR(os.fstat(fd).st_mode) else "file")

    monkeypatch.setattr(os, "fsync", fsync)
    return kinds


def next_descriptor():
    """The lowest free number, which the system gives to the next file."""
    fd = os.open(os.devnull, os.O_RDONLY)
    os.close(fd)
    return fd


def test_what_is_no_regular_file_is_refused_and_not_left_open(files):
    free = next_descriptor()
    with pytest.raises(OSError, match="regular") as caught:
        files.open_append(Path(os.devnull))
    assert caught.value.errno == errno.EINVAL
    assert next_descriptor() == free


def test_a_new_log_may_be_read_by_others_and_written_by_its_owner_only(files, tmp_path):
    before = os.umask(0)
    try:
        files.close(files.open_append(tmp_path / "log"))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o644


def test_what_is_appended_comes_after_what_was_there(files, tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"abc")
    fd = files.open_append(path)
    assert (files.write(fd, b"de"), files.size(fd)) == (2, 5)
    files.close(fd)
    assert path.read_bytes() == b"abcde"


def test_a_write_that_takes_nothing_is_an_error(files, tmp_path, monkeypatch):
    fd = files.open_append(tmp_path / "log")
    with monkeypatch.context() as patch, pytest.raises(OSError, match="nothing") as caught:
        patch.setattr(os, "write", lambda _fd, _data: 0)
        files.write(fd, b"a")
    files.close(fd)
    assert caught.value.errno == errno.EIO


def test_a_file_to_be_edited_must_exist_and_can_be_cut(files, tmp_path):
    path = tmp_path / "log"
    with pytest.raises(FileNotFoundError):
        files.open_edit(path)
    path.write_bytes(b"abc")
    fd = files.open_edit(path)
    files.truncate(fd, 1)
    files.close(fd)
    assert path.read_bytes() == b"a"


def test_a_file_and_a_folder_are_forced_to_the_disk(files, tmp_path, synced):
    free = next_descriptor()
    fd = files.open_append(tmp_path / "log")
    files.sync(fd)
    files.close(fd)
    files.sync_folder(tmp_path)
    assert synced == ["file", "folder"]
    assert next_descriptor() == free


def test_a_folder_that_cannot_be_synced_is_an_error_and_not_left_open(files, tmp_path, monkeypatch):
    free = next_descriptor()

    def fsync(_fd):
        raise OSError(errno.EIO, "broken")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="broken"):
        patch.setattr(os, "fsync", fsync)
        files.sync_folder(tmp_path)
    assert next_descriptor() == free
