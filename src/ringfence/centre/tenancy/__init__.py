"""Keeps clients apart: scopes, and managers that refuse to answer outside one."""

from ringfence.centre.tenancy.scope import (
    ForeignClient,
    Scope,
    ScopeMissing,
    TenancyError,
    all_clients,
    current_scope,
    scope,
)

__all__ = ["ForeignClient", "Scope", "ScopeMissing", "TenancyError", "all_clients", "current_scope", "scope"]
