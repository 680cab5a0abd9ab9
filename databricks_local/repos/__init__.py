"""Git folders and snapshots of bundles: folders of the workspace whose content comes from git, or all at once."""
