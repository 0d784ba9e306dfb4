"""The binary of the Go libraries that plat calls; `plat.gobridge` is its typed client."""
