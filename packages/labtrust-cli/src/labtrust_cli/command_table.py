"""The table of commands: what `labtrust --help` knows without importing any of them."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import click
from labtrust_core.errors import DomainError, MissingExtraError

POLICY: Final = "Policy and rules"
VALIDATION: Final = "Validation"
PICTURES: Final = "Pictures"
BENCHMARKS: Final = "Benchmarks"
EVIDENCE: Final = "Evidence"
INSTALLATION: Final = "This installation"
EXTENSIONS: Final = "From other packages"


@dataclass(frozen=True, slots=True)
class CommandEntry:
    """One command of the table.

    Attributes:
        name: What the user types.
        section: Heading under which `--help` lists it.
        summary: One line for `--help`.
        example: A complete command line, shown in the command's own help.
        distribution: What must be installed for the command to work.
    """

    name: str
    section: str
    summary: str
    example: str
    distribution: str = "labtrust-core"

    @property
    def module(self) -> str:
        """The module whose `command` is the click command."""
        return f"labtrust_cli.commands.{self.name.replace('-', '_')}"

    def load(self) -> click.Command:
        """Import the command.

        Raises:
            MissingExtraError: The distribution that it needs is not installed.
            DomainError: The module holds no click command named `command`.
        """
        if not is_installed(self.distribution):
            raise MissingExtraError(f"labtrust {self.name}", self.distribution)
        command = getattr(importlib.import_module(self.module), "command", None)
        if not isinstance(command, click.Command):
            raise DomainError(f"{self.module} holds no click command named 'command'")
        if not command.epilog:
            command.epilog = f"Example: {self.example}"
        return command


def is_installed(distribution: str) -> bool:
    """Whether one of our distributions can be imported; imports nothing."""
    return importlib.util.find_spec(distribution.replace("-", "_")) is not None


def installed_commands(
    table: tuple[CommandEntry, ...], installed: Callable[[str], bool] = is_installed
) -> tuple[CommandEntry, ...]:
    """The commands whose distribution is there, in the order of the table."""
    present: dict[str, bool] = {}
    for entry in table:
        if entry.distribution not in present:
            present[entry.distribution] = installed(entry.distribution)
    return tuple(entry for entry in table if present[entry.distribution])


COMMANDS: Final = (
    CommandEntry(
        name="validate-policy",
        section=POLICY,
        summary="Check every policy file, reference and schema.",
        example="labtrust validate-policy --partner upstream_compat",
    ),
    CommandEntry(
        name="golden",
        section=POLICY,
        summary="Run golden scenarios and show what they cover.",
        example="labtrust golden --format json",
    ),
    CommandEntry(
        name="check-theory",
        section=VALIDATION,
        summary="Compare the simulator with queueing theory.",
        example="labtrust check-theory --plot theory.svg",
    ),
    CommandEntry(
        name="calibrate",
        section=VALIDATION,
        summary="Compare simulated days of a site with published figures.",
        example="labtrust calibrate --site district --days 20 --plot plots",
        distribution="labtrust-bench",
    ),
    CommandEntry(
        name="env",
        section=VALIDATION,
        summary="Check that the environments of tasks are conformant.",
        example="labtrust env check --all",
        distribution="labtrust-bench",
    ),
    CommandEntry(
        name="task",
        section=VALIDATION,
        summary="Check that tasks can be measured.",
        example="labtrust task check throughput_sla",
        distribution="labtrust-bench",
    ),
    CommandEntry(
        name="render",
        section=PICTURES,
        summary="Draw the floor plan, or the timeline of a logged shift, as SVG.",
        example="labtrust render timeline --log episode_0.jsonl --out timeline.svg",
    ),
    CommandEntry(
        name="quick-eval",
        section=BENCHMARKS,
        summary="One episode of each of three tasks, with a summary.",
        example="labtrust quick-eval --seed 7",
        distribution="labtrust-bench",
    ),
    CommandEntry(
        name="run-benchmark",
        section=BENCHMARKS,
        summary="Run episodes of one task and write its results.",
        example="labtrust run-benchmark --task throughput_sla --episodes 5 --out results.json",
        distribution="labtrust-bench",
    ),
    CommandEntry(
        name="eval-agent",
        section=BENCHMARKS,
        summary="Measure an agent of your own next to known crews.",
        example="labtrust eval-agent my_agent.py:MyAgent --task throughput_sla --smoke",
        distribution="labtrust-bench",
    ),
    CommandEntry(
        name="benchmark-ladder",
        section=BENCHMARKS,
        summary="Crews from doing nothing to a good script, on every task, with intervals.",
        example="labtrust benchmark-ladder --task throughput_sla --smoke --seeds 5",
        distribution="labtrust-bench",
    ),
    CommandEntry(
        name="run-summary",
        section=BENCHMARKS,
        summary="The figures of a finished run in one line.",
        example="labtrust run-summary --run labtrust_runs/quick_eval_20261121T120000Z",
        distribution="labtrust-bench",
    ),
    CommandEntry(
        name="summarize-results",
        section=BENCHMARKS,
        summary="Many results files as one table, with intervals.",
        example="labtrust summarize-results --in labtrust_runs --out summary",
        distribution="labtrust-bench",
    ),
    CommandEntry(
        name="show-attacks",
        section=BENCHMARKS,
        summary="What a task's opponents try, what stops it, and what happens without.",
        example="labtrust show-attacks --task insider_key_misuse --seed 7",
        distribution="labtrust-bench",
    ),
    CommandEntry(
        name="bench-smoke",
        section=BENCHMARKS,
        summary="One short episode of every task.",
        example="labtrust bench-smoke --seed 7",
        distribution="labtrust-bench",
    ),
    CommandEntry(
        name="optimality-gap",
        section=BENCHMARKS,
        summary="How far crews are from what any crew can reach, on small static instances.",
        example="labtrust optimality-gap --instance six --agents plan,scripted,fcfs",
        distribution="labtrust-bench",
    ),
    CommandEntry(
        name="determinism-report",
        section=BENCHMARKS,
        summary="Whether an episode is the same in other processes.",
        example="labtrust determinism-report --task throughput_sla --smoke",
        distribution="labtrust-bench",
    ),
    CommandEntry(
        name="generate-official-baselines",
        section=BENCHMARKS,
        summary="The frozen results that every task is measured against.",
        example="labtrust generate-official-baselines --check",
        distribution="labtrust-bench",
    ),
    CommandEntry(
        name="train-ppo",
        section=BENCHMARKS,
        summary="Train a crew with PPO and action masks.",
        example="labtrust train-ppo --task throughput_sla --variant smoke --out my_crew",
        distribution="labtrust-bench",
    ),
    CommandEntry(
        name="eval-ppo",
        section=BENCHMARKS,
        summary="Compare a trained crew with others on held-out episodes.",
        example="labtrust eval-ppo my_crew --episodes 20",
        distribution="labtrust-bench",
    ),
    CommandEntry(
        name="keygen",
        section=EVIDENCE,
        summary="Keys for those who sign evidence, and the trust policy that trusts them.",
        example="labtrust keygen --out keys",
        distribution="labtrust-export",
    ),
    CommandEntry(
        name="export-receipts",
        section=EVIDENCE,
        summary="Evidence bundles of a log or a run, and receipts by themselves.",
        example="labtrust export-receipts --run my_run --out evidence "
        "--log-key keys/labtrust-log.key --bundle-key keys/labtrust-bundle.key",
        distribution="labtrust-export",
    ),
    CommandEntry(
        name="verify-receipt",
        section=EVIDENCE,
        summary="Whether a receipt by itself holds, under your trust policy.",
        example="labtrust verify-receipt --receipt receipt_specimen_S1.v0.1.json "
        "--trust-policy keys/trust-policy.json",
        distribution="labtrust-export",
    ),
    CommandEntry(
        name="verify-bundle",
        section=EVIDENCE,
        summary="How far an evidence bundle holds, under your trust policy.",
        example="labtrust verify-bundle --bundle evidence/EvidenceBundle.v0.1 "
        "--trust-policy keys/trust-policy.json",
        distribution="labtrust-export",
    ),
    CommandEntry(
        name="export-fhir",
        section=EVIDENCE,
        summary="An evidence bundle as an HL7 FHIR R4 Bundle.",
        example="labtrust export-fhir --receipts EvidenceBundle.v0.1 --out fhir",
        distribution="labtrust-export",
    ),
    CommandEntry(
        name="validate-fhir",
        section=EVIDENCE,
        summary="Whether a FHIR R4 Bundle is sound.",
        example="labtrust validate-fhir --bundle fhir/fhir_bundle.json",
        distribution="labtrust-export",
    ),
    CommandEntry(
        name="ui-export",
        section=EVIDENCE,
        summary="A run as one zip for a viewer.",
        example="labtrust ui-export --run my_run --out my_run.zip",
        distribution="labtrust-export",
    ),
    CommandEntry(
        name="build-release-manifest",
        section=EVIDENCE,
        summary="Put a folder of bundles and results under one signed manifest.",
        example="labtrust build-release-manifest --release-dir release --release-key release.key",
        distribution="labtrust-export",
    ),
    CommandEntry(
        name="verify-release",
        section=EVIDENCE,
        summary="Verify a release: every file, every bundle, every run.",
        example="labtrust verify-release --release-dir release --trust-policy trust-policy.json",
        distribution="labtrust-export",
    ),
    CommandEntry(
        name="transparency-log",
        section=EVIDENCE,
        summary="Append releases and bundles to a log that only grows, or verify it.",
        example="labtrust transparency-log --in release --out log --log-key log.key",
        distribution="labtrust-export",
    ),
    CommandEntry(
        name="witness",
        section=EVIDENCE,
        summary="Cosign a log's checkpoint if it continues what was seen of it.",
        example="labtrust witness --checkpoint run_checkpoint --log run_log.jsonl "
        "--key witness.key --state seen.json --log-key-pub log.pub",
        distribution="labtrust-export",
    ),
    CommandEntry(
        name="doctor",
        section=INSTALLATION,
        summary="What is installed, what is missing, and whether the policy is sound.",
        example="labtrust doctor --format json",
    ),
)
