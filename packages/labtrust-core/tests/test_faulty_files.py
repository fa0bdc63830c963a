"""The simulated disk: what it keeps, what it loses, how it fails."""

from pathlib import Path

import pytest
from labtrust_core.testing.faulty_files import (
    SECTOR,
    Fault,
    FaultyFiles,
    Kind,
    Loss,
    PowerLossError,
)

OLD, NEW = Path("folder/old"), Path("folder/new")
SEEDS = range(200)


def disk(*synced, unsynced=()):
    """Return a disk with a file of synced bytes, and its number after unsynced ones were added."""
    files = FaultyFiles()
    files.put(OLD, b"".join(synced))
    fd = files.open_append(OLD)
    for data in unsynced:
        assert files.write(fd, data) == len(data)
    return files, fd


def outcomes(files, loss, path=OLD):
    return {files.after_power_loss(loss, seed).content(path) for seed in SEEDS}


def test_readers_see_what_was_written_and_only_synced_bytes_are_sure():
    files, fd = disk(b"one", unsynced=[b"two"])
    assert files.content(OLD) == files.open_read(OLD).read() == b"onetwo"
    assert files.size(fd) == 6
    assert outcomes(files, Loss.ALL) == {b"one"}
    assert outcomes(files, Loss.NONE) == {b"onetwo"}
    files.sync(fd)
    assert outcomes(files, Loss.ALL) == {b"onetwo"}


def test_the_beginning_of_unsynced_bytes_may_be_left():
    files, _ = disk(b"one", unsynced=[b"two", b"six"])
    assert outcomes(files, Loss.PREFIX) == {b"onetwosix"[:length] for length in range(3, 10)}


def test_sectors_may_be_left_in_any_mixture():
    files, _ = disk(b"a" * SECTOR, unsynced=[b"b" * SECTOR + b"c" * SECTOR])
    gone = bytes(SECTOR)
    assert outcomes(files, Loss.SECTORS) == {
        b"a" * SECTOR,
        *(b"a" * SECTOR + second + third
          for second in (b"b" * SECTOR, gone)
          for third in (b"c" * SECTOR, gone)),
    }  # fmt: skip


def test_the_length_may_be_left_without_the_bytes():
    files, _ = disk(b"one", unsynced=[b"two"])
    assert outcomes(files, Loss.SECTORS) == {b"one", b"one\x00\x00\x00", b"onetwo"}


def test_a_file_that_was_cut_may_be_as_long_as_before():
    files, fd = disk(b"onetwo")
    files.truncate(fd, 3)
    assert files.content(OLD) == b"one"
    assert outcomes(files, Loss.PREFIX) == {b"one", b"onetwo"}
    files.sync(fd)
    assert outcomes(files, Loss.ALL) == {b"one"}


def test_a_name_is_sure_once_its_folder_was_synced():
    files = FaultyFiles()
    fd = files.open_append(NEW)
    files.write(fd, b"x")
    files.sync(fd)
    assert outcomes(files, Loss.ALL, NEW) == {None}
    assert outcomes(files, Loss.NONE, NEW) == {b"x"}
    assert outcomes(files, Loss.PREFIX, NEW) == {None, b"x"}
    files.sync_folder(Path("elsewhere"))
    assert outcomes(files, Loss.ALL, NEW) == {None}
    files.sync_folder(Path("folder"))
    assert outcomes(files, Loss.ALL, NEW) == {b"x"}


def test_a_renamed_file_has_the_old_name_or_the_new_one_until_its_folder_was_synced():
    files = FaultyFiles()
    files.put(OLD, b"old")
    files.put(NEW, b"new")
    files.replace(NEW, OLD)
    assert files.paths() == [OLD]
    assert files.content(OLD) == b"new"
    assert outcomes(files, Loss.PREFIX) == {b"old", b"new"}
    files.sync_folder(Path("folder"))
    assert outcomes(files, Loss.ALL) == {b"new"}
    assert outcomes(files, Loss.ALL, NEW) == {None}


def test_a_file_that_is_not_there_is_not_opened():
    files = FaultyFiles()
    for act in (files.open_edit, files.open_read):
        with pytest.raises(FileNotFoundError):
            act(OLD)
    with pytest.raises(FileNotFoundError):
        files.replace(OLD, NEW)


def test_after_a_failed_sync_a_second_one_keeps_nothing():
    files, fd = disk(b"one", unsynced=[b"two"])
    files.arm(Fault("sync", 0, Kind.EIO))
    with pytest.raises(OSError, match="Input/output error"):
        files.sync(fd)
    files.sync(fd)
    assert files.content(OLD) == b"onetwo"
    assert outcomes(files, Loss.ALL) == {b"one"}


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Kind.EIO, "Input/output error"),
        (Kind.ENOSPC, "No space left"),
        (Kind.EINTR, "Interrupted"),
    ],
)
def test_an_error_comes_at_its_call_and_changes_nothing(kind, message):
    files, fd = disk(b"one")
    files.arm(Fault("write", 1, kind))
    files.write(fd, b"two")
    with pytest.raises(OSError, match=message):
        files.write(fd, b"six")
    assert files.content(OLD) == b"onetwo"
    assert files.write(fd, b"six") == 3
    assert files.calls["write"] == 3


def test_a_short_write_says_so_and_a_partial_one_fails():
    files, fd = disk(b"")
    files.arm(Fault("write", 0, Kind.SHORT))
    assert files.write(fd, b"1234") == 2
    files.arm(Fault("write", 0, Kind.PARTIAL))
    with pytest.raises(OSError, match="Input/output error"):
        files.write(fd, b"5678")
    assert files.content(OLD) == b"1256"


@pytest.mark.parametrize(("kind", "seen"), [(Kind.CRASH, b"one"), (Kind.CRASH_AFTER, b"onetwo")])
def test_power_is_lost_before_a_call_or_after_it_and_nothing_works_then(kind, seen):
    files, fd = disk(b"one")
    files.arm(Fault("write", 0, kind))
    with pytest.raises(PowerLossError):
        files.write(fd, b"two")
    with pytest.raises(PowerLossError):
        files.sync(fd)
    found = files.after_power_loss(Loss.NONE)
    assert found.content(OLD) == seen
    found.sync(found.open_edit(OLD))


def test_a_file_whose_closing_failed_is_closed():
    files, fd = disk(b"one")
    files.arm(Fault("close", 0, Kind.EIO))
    with pytest.raises(OSError, match="Input/output error"):
        files.close(fd)
    with pytest.raises(KeyError):
        files.size(fd)
