"""The logs in a bundle for the second verifier: the ledger of an episode and the log of its run.

Written from `docs/reference/ledger.md` and `docs/reference/evidence.md` alone; nothing of LabTrust
is imported. Every check that fails raises `Failed` with its code.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from second_verifier import formats as form
from second_verifier import shapes
from second_verifier.formats import Json, Tree, fits, number, table, text
from second_verifier.receipts import Record, event_of

MAX_LINE: Final = 65_536
FIRST: Final = "0" * 64  # what a first record names as its predecessor


class Failed(Exception):  # noqa: N818 - a verdict of the verifier, not an error of it
    """The first check that fails."""

    def __init__(self, code: str, message: str) -> None:
        self.code, self.message = code, message
        super().__init__(f"{code}: {message}")


class Log(NamedTuple):
    """The records of a log, and the tree over them."""

    records: list[Record]
    tree: Tree

    @property
    def origin(self) -> str:
        """What a checkpoint of it names, but for the kind of log."""
        return self.tree.levels[0][0].hex()


def require(holds: object, code: str, message: str) -> None:
    """Fail with a code unless a check holds."""
    if not holds:
        raise Failed(code, message)


def read(data: bytes, code: str) -> Record:
    """Return the object whose canonical form `data` is."""
    try:
        return form.read_canonical(data)
    except ValueError as error:
        raise Failed(code, str(error)) from None


def split_lines(data: bytes) -> Iterator[tuple[bytes, bool]]:
    """Yield each line without its LF, and whether it had one."""
    *lines, torn = data.split(b"\n")
    yield from ((line, True) for line in lines)
    if torn:
        yield torn, False


def read_log(data: bytes) -> Log:
    """Check the ledger of an episode."""
    records: list[Record] = []
    leaves: list[bytes] = []
    taken: set[Json] = set()  # ids of the events that took effect
    for line, whole in split_lines(data):
        ended = bool(records) and records[-1]["kind"] == "end"
        require(not ended, "LOG_TRAILING_DATA", "the log goes on after its end record")
        require(len(line) <= MAX_LINE, "LOG_LINE_TOO_LONG", "a line of more than 65,536 bytes")
        require(whole, "LOG_TORN_LINE", "the last line has no LF")
        record = read(line, "LOG_NOT_CANONICAL")
        require(fits(record, shapes.LOG_RECORD), "LOG_RECORD_SCHEMA", "a line is no record")
        check_place(record, records, leaves)
        if record["kind"] == "event" and table(record["outcome"]).get("status") != "BLOCKED":
            name = text(event_of(record).get("event_id"))
            require(name not in taken, "LOG_EVENT_DUPLICATE", f"event {name} took effect twice")
            taken |= {name} - {None}
        elif record["kind"] == "end":
            check_end(table(record["body"]), records, leaves)
        records.append(record)
        leaves.append(form.leaf_hash(line))
    require(records, "LOG_EMPTY", "the log holds no record")
    require(records[-1]["kind"] == "end", "LOG_TRUNCATED", "the end record is missing")
    return Log(records, Tree(leaves))


def check_place(record: Record, before: list[Record], leaves: list[bytes]) -> None:
    """Check that a record may stand after the records before it."""
    place, kind = len(before), record["kind"]
    require(record["seq"] == place, "LOG_SEQ_GAP", f"{record['seq']} stands at {place}")
    require(before or kind == "start", "LOG_START_MISSING", "the first record is no start")
    require(not before or kind != "start", "LOG_START_REPEATED", f"record {place} is a start")
    if kind == "end":
        rest = {name: value for name, value in record.items() if name != "check"}
        good = record["check"] == form.digest_of(rest)
        require(good, "LOG_END_CHECK", "the end record does not match its own digest")
    prev = leaves[-1].hex() if leaves else FIRST
    require(record["prev"] == prev, "LOG_CHAIN_BROKEN", f"record {place} follows another one")
    late = not before or number(record["t"]) >= number(before[-1]["t"])
    require(late, "LOG_TIME_BACKWARDS", f"record {place} is earlier than the one before")


def check_end(body: Record, before: list[Record], leaves: list[bytes]) -> None:
    """Check what the end record states of the log."""
    require(body["events"] == len(before) - 1, "LOG_COUNT_MISMATCH", "not the number of events")
    require(body["root"] == Tree(leaves).root.hex(), "LOG_ROOT_MISMATCH", "not the log's root")


def read_run_log(data: bytes) -> Log:
    """Check the log of a run."""
    records: list[Record] = []
    leaves: list[bytes] = []
    order = RunOrder()
    require(data, "RUNLOG_NOT_CANONICAL", "the run log is empty")
    for line, whole in split_lines(data):
        short = whole and len(line) <= MAX_LINE
        require(short, "RUNLOG_NOT_CANONICAL", "a line without LF, or of more than 65,536 bytes")
        record = read(line, "RUNLOG_NOT_CANONICAL")
        require(fits(record, shapes.RUN_RECORD), "RUNLOG_SCHEMA", "a line is no record of a run")
        prev = leaves[-1].hex() if leaves else FIRST
        follows = record["seq"] == len(records) and record["prev"] == prev
        require(follows, "RUNLOG_CHAIN", f"line {len(records)} follows another one")
        stands = order.take(str(record["kind"]), table(record["body"]))
        require(stands, "RUNLOG_ORDER", f"record {len(records)} may not stand there")
        records.append(record)
        leaves.append(form.leaf_hash(line))
    return Log(records, Tree(leaves))


class RunOrder:
    """Which record may stand next in the log of a run."""

    def __init__(self) -> None:
        self.plan: Record | None = None
        self.begun: dict[Json, Record] = {}
        self.ended: set[Json] = set()
        self.since: set[Json] = set()  # begun since the last resume
        self.closed = False

    def take(self, kind: str, body: Record) -> bool:
        """Take the next record; return whether it may stand there."""
        if self.plan is None or kind == "plan" or self.closed:
            first = self.plan is None and kind == "plan"
            self.plan = self.plan or body
            return first
        episode = body.get("number")
        if kind == "begin":
            allowed = self._may_begin(body, self.plan)
            self.since.add(episode)
            self.begun[episode] = body
            return allowed
        if kind == "end":
            allowed = episode in self.begun and episode not in self.ended
            self.ended.add(episode)
            return allowed
        if kind == "resume":
            self.since.clear()
            return body["done"] == len(self.ended)
        self.closed = True
        return body["episodes"] == self.plan["num_episodes"] == len(self.ended)

    def _may_begin(self, body: Record, plan: Record) -> bool:
        episode = number(body["number"])
        new = episode not in self.ended and episode not in self.since
        planned = number(plan["base_seed"]) + episode
        return new and episode < number(plan["num_episodes"]) and body["seed"] == planned
