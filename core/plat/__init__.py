"""plat: one reconciler for the whole GitOps stack. Import `plat.api` to write a plug-in; the rest is private."""
