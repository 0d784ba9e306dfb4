"""Mirrors, trees, read-sets, commits and pushes. The only user of git; it knows nothing of manifests."""

from __future__ import annotations

from plat.git.addresses import Address, Addresses, normalise, same_repository
from plat.git.commits import Commit
from plat.git.globs import escape, matches
from plat.git.login import Login
from plat.git.lookup import DanglingLinkError, LeavesTreeError
from plat.git.readset import ReadIndex
from plat.git.repositories import Fetched, Repositories
from plat.git.revisions import Resolved
from plat.git.semver import highest, parse_constraint, parse_version
from plat.git.tree import GitTree, ReadSet, same
from plat.git.walk import Limits
from plat.git.working import Identity, WorkingCopy

__all__ = [
    "Address",
    "Addresses",
    "Commit",
    "DanglingLinkError",
    "Fetched",
    "GitTree",
    "Identity",
    "LeavesTreeError",
    "Limits",
    "Login",
    "ReadIndex",
    "ReadSet",
    "Repositories",
    "Resolved",
    "WorkingCopy",
    "escape",
    "highest",
    "matches",
    "normalise",
    "parse_constraint",
    "parse_version",
    "same",
    "same_repository",
]
