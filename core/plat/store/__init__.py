"""Where plat keeps what git and the clusters do not: objects, ledger, blobs, leases. It knows no domain."""
