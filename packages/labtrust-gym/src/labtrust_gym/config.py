"""Documented path of `labtrust_core.policy.directory`."""

from labtrust_core.policy.directory import get_repo_root, policy_path

__all__ = ["get_repo_root", "policy_path"]
