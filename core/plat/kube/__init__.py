"""One asynchronous client of the Kubernetes API: discovery, watches, server-side apply. It knows no tier."""
