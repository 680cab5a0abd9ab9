"""The rules of a hook and its project: what `check` finds before a cluster is paid for."""
