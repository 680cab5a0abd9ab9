"""What pip is asked for, read as pip reads it, and what of it a job can have."""

from __future__ import annotations

import codecs
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from mlflow_hooks.generate.job import settings
from mlflow_hooks.model import Requirements
from mlflow_hooks.reading.document import Reader
from mlflow_hooks.reading.requirements import read_requirements
from mlflow_hooks.rules.conda import as_requirement

from .samples import HOOKS
from .work import write

# What stands in requirements.txt, and what is asked for.
FILES: dict[str, tuple[str, Requirements]] = {
    "comments": ("# all\n\npandas==2.2  # fast\nx#y\n", Requirements(("pandas==2.2", "x#y"))),
    "a line that goes on": ("pandas\\\n  ==2.2\n", Requirements(("pandas  ==2.2",))),
    "hashes": (
        "pandas==2.2 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\nnumpy\n",
        Requirements(("pandas==2.2", "numpy"), hashed=True),
    ),
    "an index": ("--index-url=https://a.example\n-i https://b.example\nx", Requirements(("x",), "https://b.example")),
    "another index": (
        "--extra-index-url https://a.example\nx",
        Requirements(("x",), others=("--extra-index-url https://a.example",)),
    ),
    "what lies here": ("-e .\n./wheels/x.whl\n-e ../y\n", Requirements(others=("-e .", "./wheels/x.whl", "-e ../y"))),
    "an archive here": (
        "x.whl\ny @ https://a.example/y.whl",
        Requirements(("y @ https://a.example/y.whl",), "", ("x.whl",)),
    ),
    "a variable": ("-i https://${HOST}/simple\nx", Requirements(("x",), others=("-i https://${HOST}/simple",))),
    "constraints": ("-c pins.txt\nx", Requirements(("x",), others=("-c pins.txt",))),
    "an option of one": ("x --no-binary x\ny", Requirements(("x", "y"), others=("x --no-binary x",))),
    "markers and extras": (
        "x[a,b]>=1,<2; python_version < '3.12'\ngit+https://h.example/r@v1#egg=x",
        Requirements(("x[a,b]>=1,<2; python_version < '3.12'", "git+https://h.example/r@v1#egg=x")),
    ),
    "files that name files": ("-r deep/more.txt\n--requirement=deep/more.txt\n", Requirements(("deep", "er") * 2)),
}


def read(folder: Path, text: str | bytes) -> tuple[Requirements, Reader]:
    write(folder, {"env.yaml": "", "deep/more.txt": "deep\n-rer.txt\n", "deep/er.txt": "er\n"})
    (folder / "requirements.txt").write_bytes(text.encode() if isinstance(text, str) else text)
    reader = Reader(folder / "env.yaml", "projects/Demo/env.yaml")
    return read_requirements(reader, folder, ["-r requirements.txt"]), reader


@pytest.mark.parametrize("name", FILES)
def test_read_as_pip_reads_it(tmp_path: Path, name: str) -> None:
    """Packages keep their names and versions, wherever they are named; what is told besides is kept apart."""
    text, requirements = FILES[name]
    found, reader = read(tmp_path, text)
    assert found == requirements and reader.findings == []


@pytest.mark.parametrize(
    "raw",
    [codecs.BOM_UTF8 + b"pandas\r\nx", codecs.BOM_UTF16_LE + "pandas\nx".encode("utf-16-le")],
    ids=["UTF-8", "UTF-16"],
)
def test_byte_order_marks(tmp_path: Path, raw: bytes) -> None:
    """A byte order mark belongs to no name."""
    assert read(tmp_path, raw)[0].packages == ("pandas", "x")


def test_a_file_that_names_itself(tmp_path: Path) -> None:
    """A circle of files ends in a finding."""
    found, reader = read(tmp_path, "x\n-r requirements.txt\n")
    assert found.packages == ("x",)
    assert [finding.message for finding in reader.findings] == ["The requirement file requirements.txt names itself."]


def test_a_credential_in_a_file_of_a_file(tmp_path: Path) -> None:
    """A token is found in whatever file it stands, which the finding names, and not passed on."""
    write(tmp_path, {"deep/secret.txt": f"https://me:dapi{'0123456789abcdef' * 2}@a.example/x.whl\n"})
    found, reader = read(tmp_path, "-r deep/secret.txt\n")
    assert [finding.file for finding in reader.findings] == ["projects/Demo/deep/secret.txt"]
    assert "0123456789abcdef" not in str(found)


CONDA = {
    "numpy": "numpy",
    "numpy=1.26": "numpy==1.26.*",
    "conda-forge::numpy=1.26.4": "numpy==1.26.4.*",
    "numpy==1.26.4": "numpy==1.26.4",
    "numpy=1.26.4=py311h_0": "numpy==1.26.4",
    "numpy 1.26.*": "numpy==1.26.*",
    "numpy >=1.2, <2": "numpy>=1.2,<2",
    "gdal": None,
    "numpy=[version]": None,
}


@pytest.mark.parametrize("dependency", CONDA)
def test_what_pip_has_too(dependency: str) -> None:
    """What conda and pip have under one name is a requirement of pip, of the same versions; the rest stays conda's."""
    requirement = as_requirement(dependency)
    assert requirement == CONDA[dependency]
    assert requirement is None or Requirement(requirement).name == "numpy"


def test_conda_packages_of_a_job() -> None:
    """A job installs with pip what the environment has from conda."""
    plain = HOOKS["jobs-git plain"]
    environment = replace(plain.project.environment, conda=("python=3.11", "pandas=2.2"))  # type: ignore[type-var]
    (task,) = settings(replace(plain, project=replace(plain.project, environment=environment)))["tasks"]
    assert {"pypi": {"package": "pandas==2.2.*"}} in task["libraries"]


def test_the_index_of_a_job() -> None:
    """A job's libraries come from the index that the environment names."""
    plain = HOOKS["jobs-git plain"]
    environment = replace(plain.project.environment, requirements=Requirements(("x==1",), "https://a.example"))  # type: ignore[type-var]
    (task,) = settings(replace(plain, project=replace(plain.project, environment=environment)))["tasks"]
    assert task["libraries"][-1] == {"pypi": {"package": "x==1", "repo": "https://a.example"}}
