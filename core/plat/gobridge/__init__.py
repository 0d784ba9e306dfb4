"""The typed client of the Go helper process, one module per area."""
