"""Jobs and their runs, schedules and secrets."""
