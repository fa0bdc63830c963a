"""Documented path of the domain registry, `labtrust_core.domains`."""

from labtrust_core.domains import (
    get_domain,
    list_domains,
    register_domain,
)

__all__ = ["get_domain", "list_domains", "register_domain"]
