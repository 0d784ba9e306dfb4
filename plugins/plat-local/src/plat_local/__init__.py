"""A real Kubernetes on one machine without a container engine."""
