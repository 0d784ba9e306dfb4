"""What authors of plug-ins test with: conformance suites, fakes, the simulated world."""
