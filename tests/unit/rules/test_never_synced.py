"""Which paths are never synced, or only where a person names them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from support.repo import Repo

from databricks_sync.rules.never_synced import asset, credential_file, is_litter, repository_parts, runs_by_itself

ARMED = ("HEAD", "config", "objects/x", "refs/x")


@pytest.mark.parametrize(
    "name",
    [
        *(".env.prod", ".env.local", ".ENV.Dev", ".env.example.local", "prod.env", ".envrc", ".databrickscfg"),
        *(
            ".databrickscfg.bak",
            ".netrc",
            "_netrc",
            ".pypirc",
            ".npmrc",
            ".git-credentials",
            ".pgpass",
            "token-cache.json",
        ),
        *("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "id_ed25519_sk", "id_rsa_work", "id_rsa.bak", "ID_RSA"),
        *("a.pem", "server.key", "a.p12", "a.PFX", "a.ppk", "a.jks", "vault.kdbx", "prod.tfvars", "a.keytab"),
        *("client_secret_1.json", "service-account.json", "local.settings.json", "\u200c.netrc"),
    ],
)
def test_a_credential_by_its_name(name: str) -> None:
    """Keys, logins and settings with secrets are told, wherever they lie."""
    assert credential_file(name) == name and credential_file(f"a/b/{name}") == f"a/b/{name}"


@pytest.mark.parametrize(
    ("path", "part"),
    [
        (".aws/credentials", ".aws"),
        ("a/.SSH/work", "a/.SSH"),
        ("x/.config/gcloud/a.db", "x/.config/gcloud"),
    ],
)
def test_a_folder_of_credentials(path: str, part: str) -> None:
    """What lies in a folder in which a program keeps its logins is told with that folder."""
    assert credential_file(path) == part


@pytest.mark.parametrize(
    "path",
    [
        *(
            "a.py",
            "keys.py",
            "key",
            "pem.md",
            "id_rsa.pub",
            "id_card.py",
            "environment.yml",
            "env.sample",
            "tokens.sql",
        ),
        *(
            ".env.sample",
            ".env.example",
            ".env.prod.template",
            "sample.env",
            ".env.dist",
            "ssh/config",
            ".aws",
            "netrc",
        ),
    ],
)
def test_no_credential(path: str) -> None:
    """Notebooks, public keys and samples are carried as they were."""
    assert credential_file(path) == ""


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
    assert runs_by_itself(path) == part


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
    assert runs_by_itself(path) == ""


@pytest.mark.parametrize(
    ("path", "litter"),
    [
        (".databricks/bundle/dev/resources.json", True),
        ("a/.databricks/sync-snapshots/1.json", True),
        ("a/.ipynb_checkpoints/b.ipynb", True),
        ("a/databricks/b.py", False),
        ("a/.databricks", False),
        ("databricks.yml", False),
    ],
)
def test_what_tools_leave(path: str, litter: bool) -> None:
    """The state that tools keep beside the files is told by its folder, wherever that is."""
    assert is_litter(path) is litter


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("a/top.dbquery.ipynb", "a query"),
        ("sales.lvdash.json", "a dashboard"),
        ("Sales.LVDASH.json", "a dashboard"),
        ("a/late.dbalert.json", "an alert"),
        ("flow.designer.ipynb", "a Lakeflow Designer file"),
        ("dbquery.ipynb", ""),
        ("lvdash.json", ""),
        ("a.lvdash.json/b.json", ""),
        ("a.lvdash.json.bak", ""),
    ],
)
def test_assets(path: str, kind: str) -> None:
    """What Databricks keeps in files of its own kinds is told by the end of the name, in any case."""
    assert asset(path) == kind


def nothing(_: str) -> list[str]:
    return []


@pytest.mark.parametrize(
    ("paths", "found"),
    [
        (ARMED, ARMED),
        (("HEAD", "commondir"), ("HEAD", "commondir")),
        (("HEAD", "objects/pack/a", "refs/heads/main", "a.py"), ("HEAD", "objects/pack/a", "refs/heads/main")),
        (("head", "Objects/x", "REFS/x"), ("head", "Objects/x", "REFS/x")),
        (("HEAD", "objects", "refs"), ("HEAD", "objects", "refs")),
        (("H\u200cEAD", "objects/x", "refs/x"), ("H\u200cEAD", "objects/x", "refs/x")),
        (("HEAD", "objects/x", "config"), ()),
        (("HEAD/x", "objects/x", "refs/x"), ()),
        (("HEAD.py", "objects/x", "refs/x"), ()),
        (("commondir", "objects/x", "refs/x"), ()),
        (("a/HEAD", "b/objects/x", "b/refs/x"), ()),
        (("overhead", "objects/x", "refs/x"), ()),
    ],
)
def test_what_makes_one(paths: tuple[str, ...], found: tuple[str, ...]) -> None:
    """Exactly the files that git would take for a repository are told, at the top and in any folder."""
    for folder in ("", "a", "a/objects", "x/refs/y"):
        within = [f"{folder}/{path}".lstrip("/") for path in paths]
        expected = {f"{folder}/{path}".lstrip("/"): folder for path in found}
        assert repository_parts(within, nothing) == expected


def test_what_stands_there_counts() -> None:
    """A folder that has the rest already, whether carried or not, becomes one by a single file."""
    assert repository_parts(["a/HEAD"], {"a": ["Objects", "refs", "x"]}.__getitem__) == {"a/HEAD": "a"}
    assert repository_parts(["a/config"], {"a": ["HEAD", "commondir"]}.__getitem__) == {"a/config": "a"}
    assert repository_parts(["a/config"], {"a": ["HEAD", "refs"]}.__getitem__) == {}


def test_folders_of_one_name_are_one() -> None:
    """Its parts may come under spellings of a folder that a disk would not tell apart."""
    assert repository_parts(["a/HEAD", "A/objects/x", "a/refs/x"], nothing).keys() == {
        "a/HEAD",
        "A/objects/x",
        "a/refs/x",
    }


def test_git_sees_it_so(repo: Repo, tmp_path: Path) -> None:
    """What git itself makes for a bare repository is told, and so is a linked work tree's git directory."""
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "bare")], check=True)
    repo.commit()
    repo.git("worktree", "add", "-q", "../tree")
    for folder in (tmp_path / "bare", next((repo.root / ".git/worktrees").iterdir())):
        names = [one.relative_to(folder).as_posix() for one in folder.rglob("*")]
        assert "HEAD" in repository_parts(names, nothing)
