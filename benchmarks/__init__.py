"""This tool and its peers, measured on the same work in one run: `python -m benchmarks --help`."""
