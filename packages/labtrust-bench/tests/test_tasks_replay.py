"""The ledger of every task keeps the rules and comes out of a replay byte for byte."""

import pytest

pytest.importorskip("labtrust_export")

from labtrust_bench.runs.benchmark import log_file, run_benchmark
from labtrust_bench.runs.plan import RunConfig
from labtrust_bench.tasks.registry import list_tasks
from labtrust_core.domains import open_documents
from labtrust_export.verify.codes import Level
from labtrust_export.verify.episode import EpisodePass
from labtrust_export.verify.files import opened
from labtrust_export.verify.policy import read_policy
from labtrust_export.verify.replay import Replay, compiled


@pytest.fixture(scope="module")
def policy():
    """The policy in force, as a bundle holds it."""
    return read_policy(open_documents().documents.snapshot + b"\n")


@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
@pytest.mark.parametrize("task", list_tasks())
def test_a_ledger_of_each_task_comes_out_again(tmp_path, policy, task, signed):
    run_benchmark(RunConfig(task, base_seed=7, variant="smoke", signed=signed), tmp_path)
    log = log_file(tmp_path, 0)
    found = EpisodePass(policy, Level.L3, with_receipts=True)
    with opened(log.parent, log.name) as file:
        found.read(file)
    assert found.faults == {}
    assert found.start is not None
    again = Replay(found.start, compiled(found.start, policy))
    with opened(log.parent, log.name) as file:
        again.run(file)
    assert again.records == found.checker.records
