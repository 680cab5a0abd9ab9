"""Where the settings come from, which is stronger, and which folder a branch becomes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.project import HOME, Person, Project, Workspace, notebook

NOBODY: dict[str, str | None] = {"DATABRICKS_HOST": None, "DATABRICKS_TOKEN": None}


def target(project: Project, *arguments: str, command: str = "to_databricks", **how: object) -> str:
    """The workspace folder that a dry run says it is about."""
    env = how.pop("env", {})
    assert isinstance(env, dict)
    ran = project.quick(command, "--dry-run", "--json", *arguments, env=env, code=(0, 2))
    return str(ran.all("start")[0]["target"])


@pytest.fixture
def bare(project: Project) -> Project:
    """A project with one notebook, in an environment that names no workspace."""
    project.notebook("notebooks/a.py", "print(1)")
    return project


def dotenv(project: Project, **variables: str) -> None:
    project.write(".env", "".join(f"{name}={value}\n" for name, value in variables.items()))


def login(project: Project) -> dict[str, str]:
    return {"DATABRICKS_HOST": project.workspace.host, "DATABRICKS_TOKEN": project.workspace.token}


def profile(project: Project, name: str, host: str, token: str) -> None:
    with (project.home / ".databrickscfg").open("a") as file:
        file.write(f"[{name}]\nhost = {host}\ntoken = {token}\n")


def test_settings_come_from_dotenv(bare: Project, person: Person) -> None:
    """Everything can stand in .env, quoted, commented and with `export`, as the sample shows."""
    bare.write(
        ".env",
        "\ufeff# the workspace\n"
        f'export DATABRICKS_HOST="{bare.workspace.host}/"\n'
        f"DATABRICKS_TOKEN='{bare.workspace.token}'  # secret\n"
        "NOTEBOOK_FOLDER=src\nUSER=you@example.com\n",
    )
    bare.notebook("src/b.py", "print(1)")
    bare.push(env=NOBODY)
    assert person.at("/Users/you@example.com/main").names() == {"b"}


def test_dotenv_is_not_carried(bare: Project, person: Person) -> None:
    """The .env of a project whose folder is the project itself stays here, for git ignores it."""
    dotenv(bare, **login(bare), NOTEBOOK_FOLDER=".")
    bare.write(".gitignore", ".env\n")
    bare.push(env=NOBODY)
    assert ".env" not in person.names()


def test_the_environment_is_stronger_than_dotenv(bare: Project) -> None:
    """A variable of the process wins over the same one in .env."""
    dotenv(bare, DATABRICKS_HOST="https://other.example.com", DATABRICKS_TOKEN="dapi-other", NOTEBOOK_FOLDER="src")
    bare.push(env={"NOTEBOOK_FOLDER": "notebooks"})


def test_options_are_stronger_than_the_environment(bare: Project) -> None:
    """--user, --branch and --target win over what the environment says."""
    assert target(bare, "--user", "x@example.com", env={"DATABRICKS_USER": "y@example.com"}).startswith("/Users/x@")
    assert target(bare, "--branch", "other") == f"{HOME}/other"
    assert target(bare, "--target", "/Shared/x") == "/Shared/x"


@pytest.mark.xdist_group("sdk")
def test_a_token_of_dotenv_goes_to_no_other_host(bare: Project) -> None:
    """The token that .env has for one workspace is not sent to another one that the environment names."""
    dotenv(bare, DATABRICKS_HOST="https://other.example.com", DATABRICKS_TOKEN=bare.workspace.token)
    ran = bare.push(env={"DATABRICKS_TOKEN": None}, code=2)
    assert ran.requests == []


def test_a_profile_logs_in(bare: Project, workspace: Workspace) -> None:
    """The DEFAULT profile, --profile and DATABRICKS_CONFIG_PROFILE log in without any variable."""
    profile(bare, "DEFAULT", workspace.host, workspace.token)
    profile(bare, "team", f"{workspace.host}/", workspace.token)
    bare.push(env=NOBODY)
    bare.push("--profile", "team", env=NOBODY)
    bare.push(env={**NOBODY, "DATABRICKS_CONFIG_PROFILE": "team"})


def test_a_profile_that_is_asked_for_is_stronger(bare: Project, workspace: Workspace) -> None:
    """--profile wins over the host and token of the environment."""
    profile(bare, "team", workspace.host, workspace.token)
    bare.quick(
        "to_databricks",
        "--profile",
        "team",
        env={"DATABRICKS_HOST": "https://other.example.com", "DATABRICKS_TOKEN": "x"},
    )


def test_a_profile_nobody_has_is_a_mistake(bare: Project, workspace: Workspace) -> None:
    """An unknown profile, one without a host and a file that is none end with exit 2 and a sentence."""
    assert "team" in bare.push("--profile", "team", code=2).err
    profile(bare, "team", "", "x")
    assert "host" in bare.push("--profile", "team", code=2).err
    (bare.home / ".databrickscfg").write_text("no section\n")
    assert ".databrickscfg" in bare.push("--profile", "team", code=2).err


@pytest.fixture
def own(bare: Project, tmp_path: Path) -> Project:
    """The same with a workspace of its own on this machine, for host `local`."""
    bare.env["DATABRICKS_LOCAL_DIR"] = str(tmp_path / "own")
    return bare


def test_host_local_is_the_embedded_workspace(own: Project) -> None:
    """Host `local` needs no account: a workspace is started for the run and remembers what was carried."""
    assert "1 created" in own.push(env={**NOBODY, "DATABRICKS_HOST": "local"}).out
    ran = own.push("--local", env=NOBODY)
    assert "nothing to do" in ran.out
    assert "nothing to do" in own.pull("--local").out


def test_local_can_stand_in_dotenv(own: Project) -> None:
    """DATABRICKS_HOST=local in .env is host `local`, with the default folder in the home."""
    dotenv(own, DATABRICKS_HOST="local")
    own.push(env={**NOBODY, "DATABRICKS_LOCAL_DIR": None})
    assert (own.home / ".databricks_local").is_dir()


def test_the_user_is_who_the_workspace_says(bare: Project) -> None:
    """Without any setting the branch folder is in the home of whoever the token belongs to."""
    pwd = pytest.importorskip("pwd", reason="only where the system knows the login name")
    name = pwd.getpwuid(os.getuid()).pw_name
    assert target(bare, env={"USER": name}) == f"{HOME}/main"


def test_a_user_set_on_purpose_counts(bare: Project) -> None:
    """USER counts in .env, and in the process when it is not the login name; DATABRICKS_USER is stronger."""
    assert target(bare, env={"USER": "you@example.com"}) == "/Users/you@example.com/main"
    dotenv(bare, USER="dot@example.com")
    assert target(bare, env={"USER": "you@example.com"}) == "/Users/dot@example.com/main"
    assert target(bare, env={"DATABRICKS_USER": "first@example.com"}) == "/Users/first@example.com/main"


@pytest.mark.parametrize("user", ["a/b", "..", "a\nb", "a\\b", " "])
def test_a_user_that_is_none_is_a_mistake(bare: Project, user: str) -> None:
    """A user that would lead into another folder ends with exit 2 and no write."""
    assert not bare.quick("to_databricks", "--user", user, code=2).writes


def test_project_folder_names_the_root(bare: Project, person: Person) -> None:
    """PROJECT_FOLDER carries a project from anywhere, and its .env counts."""
    dotenv(bare, **login(bare))
    bare.push(cwd=bare.home, env={**NOBODY, "PROJECT_FOLDER": str(bare.root)})
    assert person.names() == {"a"}
    assert "PROJECT_FOLDER" in bare.push(env={"PROJECT_FOLDER": "/nowhere/at/all"}, code=2).err


def test_a_project_inside_a_repository(bare: Project, person: Person) -> None:
    """PROJECT_FOLDER may be a folder of the repository, and only its notebooks are carried."""
    bare.notebook("team/notebooks/b.py", "print(1)")
    bare.push(env={"PROJECT_FOLDER": "team"})
    assert person.names() == {"b"}
    bare.push(cwd=bare.root / "team")


BRANCHES = ["feature/a", "feature-a", "release:1", "v1.2", "Üser-ß", "a" * 150, "fix#1", "a+b", "x@y", "-" + "x"]


def test_no_two_branches_share_a_folder(bare: Project) -> None:
    """Every branch has a folder of its own, a child of the home, and a plain name is kept as it is."""
    found = [target(bare, f"--branch={branch}") for branch in BRANCHES]
    assert len(set(found)) == len(BRANCHES)
    assert all(path.startswith(f"{HOME}/") and path.count("/") == 3 for path in found)
    assert target(bare, "--branch", "feature-a") == f"{HOME}/feature-a"
    assert target(bare, "--branch", "feature/a").startswith(f"{HOME}/feature-a-")


def test_the_branch_that_is_checked_out_is_meant(bare: Project) -> None:
    """Checking out another branch carries into another folder, and both commands agree on which."""
    bare.commit()
    bare.git("checkout", "-q", "-b", "feature/x")
    there = target(bare)
    assert there == target(bare, "--branch", "feature/x") == target(bare, command="from_databricks")
    bare.git("checkout", "-q", "main")
    assert target(bare) == f"{HOME}/main"


CI = {
    "azure": {"TF_BUILD": "True", "BUILD_SOURCEBRANCH": "refs/heads/feature/x", "BUILD_SOURCEBRANCHNAME": "x"},
    "azure pr": {
        "TF_BUILD": "True",
        "BUILD_SOURCEBRANCH": "refs/pull/7/merge",
        "SYSTEM_PULLREQUEST_SOURCEBRANCH": "refs/heads/feature/x",
    },
    "github": {"GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/heads/feature/x", "GITHUB_REF_NAME": "feature/x"},
    "github pr": {"GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/pull/7/merge", "GITHUB_HEAD_REF": "feature/x"},
    "gitlab": {"GITLAB_CI": "true", "CI_COMMIT_BRANCH": "feature/x", "CI_COMMIT_REF_SLUG": "feature-x"},
    "bitbucket": {"BITBUCKET_BUILD_NUMBER": "1", "BITBUCKET_BRANCH": "feature/x"},
    "circle": {"CIRCLECI": "true", "CIRCLE_BRANCH": "feature/x"},
    "jenkins": {"JENKINS_URL": "http://x", "BRANCH_NAME": "feature/x", "GIT_BRANCH": "origin/feature/x"},
}


def detach(project: Project) -> None:
    project.commit()
    project.git("checkout", "-q", "--detach")


def test_ci_says_which_branch_a_detached_head_is(bare: Project) -> None:
    """On every CI, a detached HEAD carries into the same folder as the branch does on a laptop."""
    expected = target(bare, "--branch", "feature/x")
    detach(bare)
    assert {name: target(bare, env=variables) for name, variables in CI.items()} == dict.fromkeys(CI, expected)


def test_a_detached_head_without_a_ci_is_refused(bare: Project) -> None:
    """Without a branch, both commands ask for --branch or --target, and carry with one."""
    detach(bare)
    for command in ("to_databricks", "from_databricks"):
        ran = bare.quick(command, code=2)
        assert "--branch" in ran.err and "--target" in ran.err and ran.requests == []
    # Variables that somebody's shell happens to have are no CI.
    bare.push(env={"GITHUB_REF": "refs/heads/main", "BRANCH_NAME": "main"}, code=2)
    assert target(bare, "--branch", "main") == f"{HOME}/main"


def test_a_tag_is_no_branch(bare: Project) -> None:
    """A CI run for a tag needs --branch or --target."""
    detach(bare)
    bare.push(env={"GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/tags/v1"}, code=2)
    bare.push(env={"TF_BUILD": "True", "BUILD_SOURCEBRANCH": "refs/tags/v1"}, code=2)


def test_a_branch_without_a_commit_counts(bare: Project) -> None:
    """Right after `git init` the branch already has its folder."""
    assert target(bare) == f"{HOME}/main"


def test_the_variables_of_a_git_hook_do_not_lead_astray(bare: Project, person: Person) -> None:
    """Started from a git hook of another repository, the command carries the project it stands in."""
    bare.quick(
        "to_databricks", env={"GIT_DIR": "/nowhere", "GIT_WORK_TREE": "/nowhere", "GIT_INDEX_FILE": "/nowhere/index"}
    )
    assert person.names() == {"a"}


def test_a_worktree_has_a_state_of_its_own(one: Project, person: Person) -> None:
    """A second work tree carries its own branch, and leaves nothing that git would show."""
    one.commit()
    one.git("worktree", "add", "-q", "-b", "other", str(one.home / "tree"))
    tree = Project(one.home / "tree", one.home, one.workspace)
    tree.push()
    assert person.at(f"{HOME}/other").names() == {"a"}
    tree.notebook("notebooks/a.py", "print(2)")
    tree.push()
    assert tree.git("status", "--porcelain") == "M notebooks/a.py"
    assert "nothing to do" in one.push().out


def test_another_workspace_has_a_memory_of_its_own(own: Project, person: Person) -> None:
    """Switching to another workspace makes nothing look deleted or edited."""
    own.push()
    person.edit("a", "edited")
    own.push("--local")
    assert "1 skipped" in own.push().out
    assert own.text("notebooks/a.py") == notebook("print(1)") and b"edited" in person.read("a")
