"""The stack file: `plat.yaml` read, checked and turned into frozen settings."""
