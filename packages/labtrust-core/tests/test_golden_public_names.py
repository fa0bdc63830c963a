"""The public names of the package are there, and are imported only when they are asked for."""

import subprocess
import sys

import labtrust_core
import pytest


@pytest.mark.parametrize("name", labtrust_core.__all__)
def test_public_name_can_be_had(name):
    assert getattr(labtrust_core, name)
    assert name in dir(labtrust_core)


def test_other_names_cannot():
    with pytest.raises(AttributeError, match="no attribute 'Lab'"):
        _ = labtrust_core.Lab


def test_importing_the_package_imports_nothing_else_of_ours():
    ours = "[name for name in sys.modules if name.startswith('labtrust_core.')]"
    code = f"import labtrust_core, sys; print({ours})"

    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert answer.stdout.strip() == "[]"
