"""Finds, checks, isolates and lists plug-ins. It knows hooks and classes, not what they are for."""
