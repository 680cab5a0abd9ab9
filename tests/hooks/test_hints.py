"""What mlflow_hooks advises leads out, done as it is printed; tests/commands/hints has the same of the sync."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from commands.hints.table import pattern, words
from commands.hints.test_sources import in_sources, is_tried
from emulator.client import Local
from support.project import notebook
from support.sources import reads_sources
from support.variants import thinned

from databricks_local.embedded import Running

from .desk import Desk
from .work import FILES, HOOK, MLPROJECT, git, repository, write

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
TARGET = "/Shared/mlflow_hooks"
JOB = "mlflow_demo_hook"
JOB_TASK = HOOK.replace("name: demo", "name: demo\nengine: jobs-git").replace("tag:", "provider: gitHub\n  tag:")
LOCAL = ("run", "demo", "--backend", "local", "--dry-run")
Act = Callable[[Desk], object]
Way = Callable[[Desk, str, list[str]], list[str]]  # given the hint and the command; returns what is typed in the end


class Row(NamedTuple):
    """A message, its hint, what is done as it says; in the end the message is gone."""

    stuck: Act
    typed: str
    message: str
    hint: str
    way: Way
    code: int = 2
    after: int = 0


def hook(**replaced: str) -> Act:
    """A hook.yml in which these words are replaced by others."""

    def act(desk: Desk) -> None:
        text = HOOK
        for was, now in replaced.items():
            text = text.replace(was, now)
        write(desk.root / "projects/Demo", {"hook.yml": text})

    return act


def does(act: Act) -> Way:
    def way(desk: Desk, hint: str, typed: list[str]) -> list[str]:
        act(desk)
        return typed

    return way


def adds(*more: str) -> Way:
    """Adds the option of the hint, with what a person puts in the place of a placeholder."""
    return lambda desk, hint, typed: [*typed, *more]


def types(*, code: int = 0, then: str = "") -> Way:
    """Types the command of the hint, and then the first one again, or `then`."""

    def way(desk: Desk, hint: str, typed: list[str]) -> list[str]:
        command, *arguments = words(re.findall("`(.+?)`", hint)[0])
        if command == "git":
            git(Path.cwd(), *arguments)
        else:
            desk.quick(*arguments, code=code)
        return then.split() or typed

    return way


def moved(desk: Desk) -> None:
    """The projects are in another folder, and one has a mistake."""
    (desk.root / "projects").rename(desk.root / "my projects")
    write(desk.root / "my projects/Demo", {"hook.yml": HOOK.replace("0 0 6", "0 6")})


def edited_here(desk: Desk) -> None:
    desk.quick("generate")
    (desk.root / "hooks/notebooks/mlflow_demo_hook.py").write_text(notebook("edited"))


def in_the_way(desk: Desk) -> None:
    write(desk.root, {"hooks/notebooks": "a file"})


def twins(desk: Desk) -> None:
    """The name of one hook is that of another one's folder."""
    write(desk.root / "projects/demo", {**FILES, "hook.yml": HOOK.replace("name: demo", "name: other")})


def swapped(desk: Desk) -> None:
    """Each of two hooks has the name of the other one's folder."""
    (desk.root / "projects/Demo").rename(desk.root / "projects/demo")
    write(desk.root / "projects/demo", {"hook.yml": HOOK.replace("name: demo", "name: other")})
    write(desk.root / "projects/other", FILES)


def deployed(desk: Desk) -> None:
    desk.quick("generate")
    desk.quick("deploy")


def edited_there(desk: Desk) -> None:
    deployed(desk)
    write(desk.root / "projects/Demo", {"hook.yml": HOOK.replace("0 0 6", "0 0 7").replace("hello", "hallo")})
    desk.quick("generate")
    desk.api.control("edit", {"path": f"{TARGET}/{JOB}", "source": notebook("edited")})


def gone(desk: Desk) -> None:
    write(desk.root / "projects/Other", {**FILES, "hook.yml": HOOK.replace("name: demo", "name: other")})
    deployed(desk)
    shutil.rmtree(desk.root / "projects/Other")
    desk.quick("generate")


def job_ids(desk: Desk) -> list[int]:
    return [job["job_id"] for job in desk.work.get("2.2/jobs/list").json.get("jobs", [])]


def somebody_s(desk: Desk) -> None:
    desk.quick("generate")
    desk.work.post("2.2/jobs/create", {"name": JOB, "tasks": []})


def two_jobs(desk: Desk) -> None:
    somebody_s(desk)
    desk.work.post("2.2/jobs/create", {"name": JOB, "tasks": []})


def delete_job(desk: Desk) -> None:
    desk.work.post("2.2/jobs/delete", {"job_id": job_ids(desk)[0]})


def edited_job(desk: Desk) -> None:
    """Somebody paused the job in the workspace."""
    deployed(desk)
    at_6 = {"quartz_cron_expression": "0 0 6 * * ?", "timezone_id": "Europe/Berlin", "pause_status": "PAUSED"}
    desk.work.post("2.2/jobs/update", {"job_id": job_ids(desk)[0], "new_settings": {"schedule": at_6}})


def edited_schedule(desk: Desk) -> None:
    """It starts at another time than hook.yml says and than it was deployed with."""
    deployed(desk)
    at_8 = {"quartz_cron_expression": "0 0 8 * * ?", "timezone_id": "Europe/Berlin", "pause_status": "UNPAUSED"}
    desk.work.post("2.2/jobs/update", {"job_id": job_ids(desk)[0], "new_settings": {"schedule": at_8}})
    at_7(desk)


def at_7(desk: Desk) -> None:
    write(desk.root / "projects/Demo", {"hook.yml": HOOK.replace("0 0 6", "0 0 7")})
    desk.quick("generate")


def at_8(desk: Desk) -> None:
    write(desk.root / "projects/Demo", {"hook.yml": HOOK.replace("0 0 6", "0 0 8")})
    desk.quick("generate")


def unrecorded(desk: Desk) -> None:
    """An earlier version deployed it."""
    deployed(desk)
    desk.work.post("2.0/workspace/delete", {"path": "/Shared/.databricks_sync", "recursive": True})
    at_7(desk)


def bundled(desk: Desk) -> None:
    deployed(desk)
    bundle = {"deployment": {"kind": "BUNDLE"}}
    desk.work.post("2.2/jobs/update", {"job_id": job_ids(desk)[0], "new_settings": bundle})


def recorded_elsewhere(desk: Desk) -> None:
    """Another repository has a hook of the same name, and deployed it without a notebook."""
    url = "https://github.com/team/theirs"
    engine = HOOK.replace("name: demo", "name: demo\nengine: jobs-git").replace(HOOK.split()[4], url)
    other = Desk(repository(desk.root.parent / "other", {"README": "another", "hook.yml": engine}), desk.home, desk.api)
    other.quick("generate")
    other.quick("deploy")
    write(desk.root / "projects/Demo", {"hook.yml": engine})
    desk.quick("generate")


def elsewhere(desk: Desk) -> None:
    desk.quick("generate")
    desk.quick("deploy", "--target", "/Shared/it's")


def of_another(desk: Desk) -> None:
    """The target belongs to another repository."""
    other = Desk(repository(desk.root.parent / "other", {"README": "another"}), desk.home, desk.api)
    other.quick("generate")
    other.quick("deploy")
    for job in job_ids(desk):
        desk.work.post("2.2/jobs/delete", {"job_id": job})
    desk.quick("generate")


def with_targets(desk: Desk) -> None:
    write(desk.root / "projects/Demo", {"hook.yml": HOOK + "targets: {qa: {timeout: 1h}, prod: {timeout: 3h}}\n"})
    desk.quick("generate")


def deployed_for_qa(desk: Desk) -> None:
    with_targets(desk)
    desk.quick("deploy", "--to", "qa")


def promoting(desk: Desk, more: str = "") -> None:
    """The hook has a model, and a target that gets its versions from where `more` says."""
    model = "promote: {model: a.b.c}\ntargets:\n  qa: {}\n"
    write(desk.root / "projects/Demo", {"hook.yml": f"{HOOK}{model}  prod: {{promote: {{alias: in_use{more}}}}}\n"})


def nothing(desk: Desk) -> None: ...


ROWS = {
    "a mistake in projects elsewhere": Row(
        moved,
        "generate --projects 'my projects'",
        "my projects/Demo/hook.yml: …",
        "Type `mlflow_hooks check --projects 'my projects'` to see all findings and what to write instead.",
        types(code=1, then="generate --projects projects --check"),
        code=1,
        after=2,
    ),
    "files that cannot be believed": Row(
        lambda desk: write(desk.root / "projects/Demo", {"hook.yml": HOOK.replace("experiment:", "experimnt:")}),
        "generate",
        "projects/Demo/hook.yml, line …: …",
        "Type `mlflow_hooks check` to see all findings.",
        lambda desk, hint, typed: (types(code=1)(desk, hint, typed), hook()(desk), typed)[2],  # type: ignore[func-returns-value]
        code=1,
    ),
    "an edit by hand": Row(
        edited_here,
        "generate",
        "These files were edited by hand and would be overwritten: hooks/notebooks/mlflow_demo_hook.py.",
        "Change hook.yml instead, or add --force to overwrite the edits.",
        adds("--force"),
        code=1,
    ),
    "something in the way": Row(
        in_the_way,
        "generate",
        "hooks/notebooks/mlflow_demo_hook.py cannot be read or written (…).",
        "Move what is in its place, or choose another folder with --folder.",
        adds("--folder", "generated"),
        code=1,
    ),
    "no such hook": Row(
        nothing,
        "check demmo",
        "No project has a hook called demmo.",
        "Give demo instead.",
        lambda desk, hint, typed: ["check", hint.split()[1]],
    ),
    "nothing like a hook": Row(
        nothing,
        "check x",
        "No project has a hook called x.",
        "There are: Demo, demo.",
        lambda desk, hint, typed: ["check", hint.split()[3][:-1]],
    ),
    "no such target": Row(
        with_targets,
        "check --to qaa",
        "No hook has a target called qaa.",
        "Write qa.",
        lambda *_: ["check", "--to", "qa"],
    ),
    "nothing like a target": Row(
        with_targets,
        "check --to x",
        "No hook has a target called x.",
        "They have qa, prod.",
        lambda *_: ["check", "--to", "prod"],
    ),
    "no targets": Row(
        nothing,
        "check --to qa",
        "No hook has a target called qa.",
        "Write targets: in hook.yml.",
        does(with_targets),
    ),
    "another target": Row(
        deployed_for_qa,
        "deploy --to prod",
        "This workspace has mlflow_demo_hook as it is for qa, and not for prod.",
        "Log in to the workspace of prod, or add --overwrite.",
        adds("--overwrite"),
        code=1,
    ),
    "no page to open": Row(
        nothing,
        "run demo --backend local --dry-run --open",
        "With --backend local there is no page to open.",
        "Leave out --open.",
        lambda desk, hint, typed: [word for word in typed if word != "--open"],
    ),
    "a history that changes": Row(
        nothing,
        "promote demo --history --rollback",
        "--history only shows, and --rollback changes.",
        "Leave out one of them.",
        lambda *_: ["promote", "demo", "--history"],
        after=1,
    ),
    "nothing to promote": Row(
        nothing,
        "promote demo",
        "projects/Demo/hook.yml says nothing of promotion.",
        "Write promote: with the name of the model after model:.",
        lambda desk, hint, typed: (promoting(desk), [*typed, "--from-profile", "qa"])[1],
        code=1,
        after=2,
    ),
    "no target before": Row(
        promoting,
        "promote demo --from-profile qa",
        "projects/Demo/hook.yml does not say which target comes before.",
        "Write from: below promote:, or leave out --from-profile.",
        lambda desk, hint, typed: (promoting(desk, ", from: qa"), [*typed, "--to", "prod"])[1],
        after=2,
    ),
    "an earlier workspace without an address": Row(
        lambda desk: (promoting(desk, ", from: qa"), write(desk.home, {".databrickscfg": "[qa]\nhost = local\n"})),
        "promote demo --to prod --from-profile qa",
        "The earlier workspace is not named by an address.",
        "Set FROM_DATABRICKS_HOST to its https:// address, or give --from-profile.",
        lambda *_: ["promote", "demo", "--to", "prod", "--from-profile", "none"],
        after=2,
    ),
    "two of two names": Row(
        swapped,
        "run demo --backend local --dry-run",
        "projects/demo/hook.yml and projects/other/hook.yml are both called demo.",
        "Give each hook a name of its own in its hook.yml.",
        does(lambda desk: write(desk.root / "projects/other", {"hook.yml": HOOK.replace("name: demo", "name: third")})),
    ),
    "two of a name": Row(
        twins,
        "run demo --backend local --dry-run",
        "projects/Demo/hook.yml and projects/demo/hook.yml are both called demo.",
        "Give Demo or other instead.",
        lambda desk, hint, typed: ["run", hint.split()[1], *LOCAL[2:]],
    ),
    "no projects": Row(
        lambda desk: (desk.root / "projects").rename(desk.root / "src"),
        "check",
        "No folder in …/projects has a hook.yml.",
        "Type `mlflow_hooks new NAME` to begin one, or name the folder with the projects with --projects.",
        adds("--projects", "src"),
    ),
    "no repository": Row(
        lambda desk: (desk.root / ".git").rename(desk.home / "git"),
        "check",
        "… is not in a git repository.",
        "Type `git init`: a hook runs a project from git.",
        types(),
        code=1,
    ),
    "no tag here": Row(
        lambda desk: (git(desk.root, "remote", "add", "origin", HOOK.split()[4]), git(desk.root, "tag", "-d", "v1.0")),
        "check --strict",
        "This clone has no tag v1.0, so the project at that ref was not checked.",
        "Type git fetch --tags, or create the ref and push it.",
        does(lambda desk: git(desk.root, "tag", "v1.0")),
        code=1,
    ),
    "a commit that is not known": Row(
        lambda desk: write(desk.root / "projects/Demo", {"hook.yml": JOB_TASK}),
        "run demo --dry-run --ref v2.0",
        "This clone has no v2.0, so its commit is not known.",
        "Type git fetch --tags, or give another --ref.",
        adds("--ref", "v1.0"),
    ),
    "no value": Row(
        lambda desk: (
            write(desk.root / "projects/Demo", {"MLproject": MLPROJECT.replace(", default: hello", "")}),
            write(desk.root / "projects/Demo", {"hook.yml": HOOK.replace("value: hello, ", "")}),
        ),
        " ".join(LOCAL),
        "The parameter word has no value.",
        "Add -P word=VALUE.",
        adds("-P", "word=hello"),
    ),
    "no assignment": Row(
        nothing,
        f"{' '.join(LOCAL)} -P word",
        "-P word is not name=value.",
        "Write -P alpha=0.5, for example.",
        lambda *_: [*LOCAL, "-P", "word=x"],
    ),
    "a value that cannot be": Row(
        nothing,
        f"{' '.join(LOCAL)} -P count=many",
        "…many…",
        "Give another value with -P count=VALUE.",
        adds("-P", "count=2"),
    ),
    "a time that is none": Row(
        nothing,
        f"{' '.join(LOCAL)} --timeout soon",
        "--timeout ….",
        "Write 90m, or 2h, or 1d12h.",
        adds("--timeout", "90m"),
    ),
    "no branch": Row(
        lambda desk: git(desk.root, "checkout", "-q", "--detach"),
        " ".join(LOCAL),
        "No branch is checked out (detached HEAD), so it has no experiment.",
        "Name one with --branch NAME, or an experiment with --experiment PATH.",
        adds("--branch", "main"),
    ),
    "a folder that mlflow splits": Row(
        lambda desk: (desk.root / "projects/Demo").rename(desk.root / "projects/De#mo"),
        " ".join(LOCAL),
        "MLflow does not find …: it splits the path at #.",
        "Rename the folder, or add --ref to run the project from git.",
        adds("--ref"),
    ),
    "a file that only Databricks runs": Row(
        lambda desk: write(
            desk.root / "projects/Demo", {"MLproject": "databricks_spark_job:\n  python_file: demo.py\n"}
        ),
        " ".join(LOCAL),
        "Demo has a python_file, which MLflow runs in Databricks alone.",
        "Leave out --backend, or write entry_points: in MLproject instead.",
        does(lambda desk: write(desk.root / "projects/Demo", {"MLproject": MLPROJECT})),
    ),
    "generated outside": Row(
        lambda desk: desk.quick("generate", "--folder", "../out"),
        "deploy --folder ../out",
        "… is not in the project folder …",
        "Generate into a folder inside it, such as --folder hooks, and commit that folder.",
        lambda desk, hint, _: (desk.quick("generate"), ["deploy"])[1],
    ),
    "out of date": Row(
        nothing,
        "deploy --folder 'my hooks'",
        "my hooks/… is out of date, and so are … more files.",
        "Type `mlflow_hooks generate --folder 'my hooks'`, review the changes, and deploy again.",
        types(),
        code=1,
    ),
    "an edit there": Row(
        edited_there,
        "deploy",
        f"notebook {TARGET}/{JOB} is skipped: edited on both sides.",
        "To replace it, add --overwrite; a backup is kept.",
        adds("--overwrite"),
        code=1,
    ),
    "a hook that is gone": Row(
        gone,
        "deploy",
        "belongs to no hook any more; it was not deleted.",
        "To delete it, add --prune.",
        adds("--prune"),
        code=0,
    ),
    "a job of somebody": Row(
        somebody_s,
        "deploy",
        f"job {JOB} exists without the tag mlflow_hook (job …), so it belongs to somebody else.",
        "Rename that job, or let the hook use it: `mlflow_hooks bind demo …`.",
        lambda desk, hint, typed: types()(desk, hint.replace("`.", " --yes`"), typed),
        code=1,
    ),
    "a name that is taken": Row(
        nothing,
        "new Demo",
        "There is a project or a hook called Demo already.",
        "Choose another name.",
        lambda *_: ["new", "other"],
    ),
    "a name that cannot be": Row(
        nothing,
        "new 9x",
        "9x cannot be the name of a hook: it has letters, digits and _, a letter first.",
        "Choose a name such as churn.",
        lambda desk, hint, typed: ["new", hint.split()[-1][:-1]],
    ),
    "nobody to ask": Row(
        somebody_s,
        "bind demo 100000000000000",
        "Nobody can be asked here whether that is meant.",
        "Look with --dry-run, and add --yes.",
        lambda desk, hint, typed: ["bind", "demo", str(job_ids(desk)[0]), "--yes"],
    ),
    "no job to bind": Row(
        somebody_s,
        "bind demo 7 --yes",
        "This workspace has no job 7.",
        "Copy the number from the address of the job's page.",
        lambda desk, hint, typed: ["bind", "demo", str(job_ids(desk)[0]), "--yes"],
        code=1,
    ),
    "a job of a bundle": Row(
        bundled,
        "deploy",
        f"job {JOB} belongs to a bundle, which deployed job ….",
        "Deploy this hook with the bundle alone, or remove it from the bundle and deploy that first.",
        does(delete_job),
        code=1,
    ),
    "a job of another repository": Row(
        recorded_elsewhere,
        "deploy",
        f"job {JOB} was deployed from another repository.",
        "Give the hook another name, or add --take-over.",
        adds("--take-over"),
        code=1,
    ),
    "an edited job": Row(
        edited_job,
        "deploy",
        f"job {JOB} keeps schedule.pause_status: edited in the workspace.",
        "To replace it, add --overwrite.",
        adds("--overwrite"),
        code=0,
    ),
    "a job edited on both sides": Row(
        edited_schedule,
        "deploy",
        f"job {JOB} is skipped: schedule.quartz_cron_expression edited on both sides.",
        "Write it in hook.yml as the job has it, or add --overwrite to replace it.",
        does(at_8),
        code=1,
    ),
    "a job without a record": Row(
        unrecorded,
        "deploy",
        f"job {JOB} is skipped: schedule.quartz_cron_expression differs, and nothing tells what was deployed last.",
        "Look at the job; to replace what it has, add --overwrite.",
        adds("--overwrite"),
        code=1,
    ),
    "two jobs": Row(
        two_jobs,
        "deploy",
        f"job {JOB} is the name of 2 jobs (…).",
        "Delete or rename all but one of them.",
        does(delete_job),
        code=1,
        after=1,
    ),
    "a job of another folder": Row(
        elsewhere,
        "deploy",
        f"job {JOB} runs the notebook in /Shared/it's, so it was deployed to another folder.",
        "Type `mlflow_hooks deploy --target …`, or delete job ….",
        types(then="check"),
        code=1,
    ),
    "a target of another repository": Row(
        of_another,
        "deploy",
        f"{TARGET} belongs to another repository (…).",
        "Choose another folder with --target, or add --take-over to take over this one.",
        adds("--take-over"),
        code=3,
    ),
}


# What findings say is in tests/hooks/test_check.py, and what is generated tells nobody to type it.
ELSEWHERE = ("rules", "reading/validation.py", "reading/git_address.py", "generate/notebook.py", "generate/origin.py")
ELSEWHERE += ("templates",)
# Hints that are not typed here, and why.
BINDING = "tests/hooks/test_bind.py has each of them"
NOT_TYPED = {
    "Try it: mlflow_hooks run … --local": "tests/hooks/test_new.py does",
    "Unbind it from the bundle first (databricks bundle deployment unbind).": "only the official CLI does that",
    "Remove its tag mlflow_hook in the workspace, if that hook is gone.": BINDING,
    "Delete or rename job … first.": BINDING,
    "Give the hook another name.": BINDING,
    "Type: pip install 'databricks-branch-sync[hooks]'": "it asks a registry",
    "Type: pip install 'databricks-branch-sync[mlflow]'": "it asks a registry",
    "Type the command again: it does the rest.": "tests/hooks/test_deploy.py interrupts it, and does the rest",
    "Write a longer timeout: for … in hook.yml, or add --timeout 3h.": "tests/hooks/test_run.py has a late step",
    "Have … log it, or name another one in hook.yml.": "tests/hooks/test_run.py has a step that leaves nothing",
    "Allow more time with --timeout 3h.": "tests/hooks/test_run.py has runs that take too long",
    "Log in to the repository with git's credential helper, or leave out --ref to run the local folder.": (
        "only a server of somebody else asks for a password"
    ),
    "Type `…` to look for mistakes in the project.": "tests/hooks/test_run.py has what MLflow refuses",
    "Type `…`.": "only where MLflow does not start",
    "Restore it, or name another with --experiment.": "tests/hooks/test_run.py deletes an experiment",
    **dict.fromkeys(
        (
            "Promote it there first: `mlflow_hooks promote ……`.",
            "Look at it, and type `… --approve`.",
            "Type `…` to promote another one.",
            "Type `…` to promote one.",
            "Promote another version, or change promote: in hook.yml.",
            "Run what registers one, or write the alias that it gives as candidate: in hook.yml.",
            "Commit them first.",
        ),
        "tests/hooks/test_promote.py does it: here is no MLflow",
    ),
    "Look at its log above, correct it, and promote again.": "tests/hooks/test_promote.py has a judge that fails",
    "Write a longer timeout: in hook.yml.": "tests/hooks/test_promote.py has a judge that takes too long",
    "Write entry_point: below gate: in hook.yml, which judges it now.": "only Unity Catalog has versions without a run",
    "Run the command again.": "tests/hooks/test_promote.py has somebody else who moves an alias",
    "Check DATABRICKS_HOST.": "only a server that is no workspace lists jobs without an end",
}


@pytest.fixture
def desk(tmp_path: Path, embedded: Running) -> Iterator[Desk]:
    """A repository with a hook, and an empty workspace."""
    api = Local(embedded.host, embedded.token)
    api.control("reset")
    made = Desk(repository(tmp_path / "team"), tmp_path / "home", api)
    for job in job_ids(made):
        made.work.post("2.2/jobs/delete", {"job_id": job})
    yield made
    for job in job_ids(made):
        made.work.post("2.2/jobs/delete", {"job_id": job})


@pytest.mark.parametrize("name", thinned(ROWS))
def test_what_is_done_as_printed_leads_out(desk: Desk, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a hint says is done as it is printed; the message is gone."""
    row = ROWS[name]
    row.stuck(desk)
    monkeypatch.chdir(desk.root)
    typed = words(row.typed)
    ran = desk.quick(*typed, code=row.code)
    assert re.search(pattern(row.message), ran.said), ran.said
    hint = re.search(pattern(row.hint), ran.said)
    assert hint, ran.said
    after = desk.quick(*row.way(desk, hint[0], typed), code=row.after)
    assert not re.search(pattern(row.message), after.said), after.said


@reads_sources
def test_every_hint_is_tried() -> None:
    """A hint that is new in the sources gets a row in the table, or a reason why it cannot have one."""
    rows = [text for row in ROWS.values() for text in (row.message, row.hint)]
    hints = list(in_sources("mlflow_hooks", ELSEWHERE))
    assert [text for text in hints if not is_tried(text, rows) and text not in NOT_TYPED] == []
    assert [text for text in NOT_TYPED if text not in hints or is_tried(text, rows)] == []
