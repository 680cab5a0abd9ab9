"""What a notebook is: its formats, its cells, their merge and their differences. Pure."""
