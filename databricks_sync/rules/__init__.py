"""What a run shall do and may do, decided on values alone. Pure."""
