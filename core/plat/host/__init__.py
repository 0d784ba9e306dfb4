"""Finds, checks, isolates and lists plug-ins. It knows hooks and classes, not what they are for."""

from __future__ import annotations

from plat.host.calls import Caller
from plat.host.discovery import DISABLE, Installed, Loaded, installed
from plat.host.host import Host, PluginInfo
from plat.host.registry import Entry, PluginError, Registry

__all__ = [
    "DISABLE",
    "Caller",
    "Entry",
    "Host",
    "Installed",
    "Loaded",
    "PluginError",
    "PluginInfo",
    "Registry",
    "installed",
]
