"""What conda installs, as pip would: a job has libraries of pip and no conda. Pure."""

from __future__ import annotations

import re

# What every cluster has, in whatever version.
_ON_EVERY_CLUSTER = ("python", "pip", "setuptools", "wheel")
# What both have under one name. Others may be something else there, or need what only conda brings.
_SAME_NAME = frozenset((
    "boto3", "catboost", "cloudpickle", "dask", "fastapi", "flask", "hyperopt", "imbalanced-learn", "joblib",
    "lightgbm", "matplotlib", "mlflow", "mlflow-skinny", "networkx", "nltk", "numpy", "openpyxl", "optuna", "packaging",
    "pandas", "pillow", "plotly", "polars", "protobuf", "psutil", "pyarrow", "pydantic", "pyspark", "pytest", "pyyaml",
    "requests", "scikit-learn", "scipy", "seaborn", "shap", "spacy", "sqlalchemy", "statsmodels", "sympy", "tqdm",
    "transformers", "xgboost",
))  # fmt: skip
_SPEC = re.compile(r"(?:[\w./-]+::)?(?P<name>[A-Za-z0-9._-]+)\s*(?P<version>.*)")
_FUZZY = re.compile(r"=?\s*(\d[\w.]*?)(\.\*)?")  # `=1.26`, or `1.26` behind a blank
_BUILD = re.compile(r"==?\s*(\d[\w.]*)=\w+")
_PLAIN = re.compile(r"(?:==|>=|<=|!=|~=|<|>)\s*[\w.*]+(?:\s*,\s*(?:==|>=|<=|!=|~=|<|>)\s*[\w.*]+)*")


def on_every_cluster(dependency: str) -> bool:
    """Whether a cluster has it anyway."""
    match = _SPEC.fullmatch(dependency)
    return match is not None and match["name"] in _ON_EVERY_CLUSTER


def as_requirement(dependency: str) -> str | None:
    """The requirement that has pip install the same; None where that cannot be told.

    https://docs.conda.io/projects/conda/en/stable/user-guide/concepts/pkg-specs.html: `=1.26` is `==1.26.*` of pip.
    """
    match = _SPEC.fullmatch(dependency)
    if match is None or (name := match["name"].lower()) not in _SAME_NAME:
        return None
    version = match["version"]
    if not version or _PLAIN.fullmatch(version):
        return f"{name}{version.replace(' ', '')}"
    if built := _BUILD.fullmatch(version):
        return f"{name}=={built[1]}"
    fuzzy = _FUZZY.fullmatch(version)
    return f"{name}=={fuzzy[1]}.*" if fuzzy else None
