"""The workspace on this machine, judged by tests that others wrote for real ones."""
