"""Argo CD's Application, ApplicationSet, AppProject and Secrets as plat reads them."""
