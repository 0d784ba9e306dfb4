# Each target is a thin call: the work is in Python.
.DEFAULT_GOAL := help
