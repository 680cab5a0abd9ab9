"""Which files tools run by themselves, by their names."""

from __future__ import annotations

import pytest

from databricks_sync.rules.tool_files import sensitive


@pytest.mark.parametrize(
    ("path", "part"),
    [
        (".github/workflows/ci.yml", ".github"),
        ("sub/.vscode/tasks.json", "sub/.vscode"),
        (".devcontainer/devcontainer.json", ".devcontainer"),
        (".husky/pre-commit", ".husky"),
        *((name, name) for name in (".envrc", ".pre-commit-config.yaml", ".gitattributes", ".gitmodules")),
        *((name, name) for name in (".gitlab-ci.yml", "Jenkinsfile", "jenkinsfile.prod", "azure-pipelines.yml")),
        *((name, name) for name in ("azure-pipelines-pr.yaml", "bitbucket-pipelines.yml", "lefthook.yml")),
        *((name, name) for name in ("appveyor.yml", "sitecustomize.py", "team.code-workspace")),
        ("ops/Jenkinsfile", "ops/Jenkinsfile"),
        ("\u200c.github/x", "\u200c.github"),
        (".gitkeep/x", ".gitkeep"),
        (".a/.b/c", ".a"),
    ],
)
def test_what_tools_run(path: str, part: str) -> None:
    """Hidden files and folders, and the visible files that a server or a hook looks for, are told with their place."""
    assert sensitive(path) == part


@pytest.mark.parametrize(
    "path",
    [
        "a.py",
        "etl/load",
        "Makefile",
        "data.yml",
        "jenkins.md",
        "a/.gitkeep",
        ".gitignore",
        "x.github/y",
        "pipelines.yml",
    ],
)
def test_what_nobody_runs(path: str) -> None:
    """Notebooks, files and the few harmless hidden ones are not."""
    assert sensitive(path) == ""
