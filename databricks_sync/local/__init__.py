"""The local side: the files below the notebooks folder, and git."""
