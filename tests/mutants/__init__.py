"""Small faults in what decides, each tried in a fork: `make mutants`, or `python -m tests.mutants` with names."""
