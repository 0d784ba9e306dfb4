"""Renders kustomizations with the kustomize library."""
