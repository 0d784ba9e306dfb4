"""Syncing one application: tasks, their order, one step at a time, the automated gate, deletion. All of it pure."""
