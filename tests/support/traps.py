"""What a stranger's files may look like, so that tools of the person run something."""

from __future__ import annotations

from pathlib import Path


def bare_files(ran: Path) -> dict[str, str]:
    """Files that git takes for a repository, by their names; its next look at the index makes the file `ran`."""
    program = f"touch '{ran.as_posix()}'; false"
    config = f'[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = .\n\tfsmonitor = "{program}"\n'
    return {"HEAD": "ref: refs/heads/main\n", "config": config, "objects/x": "", "refs/x": ""}


def bare_repository(folder: Path, ran: Path) -> Path:
    """Writes them into a folder; returns the file that is there once git was led to them."""
    for name, text in bare_files(ran).items():
        where = folder / name
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_text(text)
    return ran
