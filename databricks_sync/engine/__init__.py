"""One run: look at both sides, compare, transfer, verify."""
