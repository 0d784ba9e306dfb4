"""Mirrors, trees, read-sets, commits and pushes. The only user of git; it knows nothing of manifests."""
