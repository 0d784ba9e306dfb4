"""Renders Helm charts with Helm's own library."""
