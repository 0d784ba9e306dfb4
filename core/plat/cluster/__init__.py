"""Tier 2: applications, generators, rendering, comparison, sync, health, drift. It never sees a dialect."""
