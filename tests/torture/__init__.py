"""The long versions of the proofs: `make torture`, or `python -m tests.torture` with the names of some."""
