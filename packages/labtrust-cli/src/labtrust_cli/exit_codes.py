"""The four exit codes of `labtrust`, and which error means which.

0  done and good
1  done, and the answer is no (a gate failed, a bundle does not verify, coverage has gaps)
2  the request is wrong (usage, bad input or key, missing extra)
3  the work failed (provider, disk, plugin)
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from labtrust_core.errors import DocumentError, MissingExtraError, SignatureError, UsageError


class ExitCode(IntEnum):
    """What the process tells its caller."""

    DONE = 0
    ANSWER_IS_NO = 1
    BAD_REQUEST = 2
    WORK_FAILED = 3


BAD_REQUESTS: Final = (UsageError, MissingExtraError, DocumentError, SignatureError)


def exit_code_of(error: BaseException) -> ExitCode:
    """The exit code that an error ends the process with."""
    return ExitCode.BAD_REQUEST if isinstance(error, BAD_REQUESTS) else ExitCode.WORK_FAILED
