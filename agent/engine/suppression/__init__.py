"""Why something is not told now: silences, maintenance windows, parents."""
