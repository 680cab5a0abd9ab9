"""What this clone remembers: what both sides last agreed on, the backups, and the lock of a run."""
