"""What a run gets of the environment that the server was started in: a list, as all else may be a credential. Pure.

A job is somebody's code: a cluster of Databricks has none of the variables of the laptop from which it was started.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

# Finding programs and modules, the language, the way out, and how many processors to use.
_NAMES = """
    PATH PYTHONPATH PYTHONHASHSEED PYTHONUTF8 PYTHONDONTWRITEBYTECODE PYTHONPYCACHEPREFIX LD_LIBRARY_PATH
    DYLD_LIBRARY_PATH JAVA_HOME HADOOP_HOME CONDA_EXE
    LANG LANGUAGE TZ TERM USER LOGNAME USERNAME SHELL HOSTNAME
    HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE
    GIT_SSL_CAINFO GIT_EXEC_PATH PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_FIND_LINKS PIP_NO_INDEX PIP_CERT
    PIP_TRUSTED_HOST PIP_CONFIG_FILE PIP_CACHE_DIR
    SYSTEMROOT SYSTEMDRIVE WINDIR COMSPEC PATHEXT NUMBER_OF_PROCESSORS PROCESSOR_ARCHITECTURE PROGRAMDATA PROGRAMFILES
"""
NAMES = frozenset(_NAMES.split())
PREFIXES = ("LC_", "OMP_", "OPENBLAS_", "MKL_", "NUMEXPR_", "CUDA_", "NVIDIA_", "COVERAGE_PROCESS_")
# Of git's configuration: where addresses really lead, and whose folders it may read.
_GIT = re.compile(r"url\..*\.insteadof|safe\.directory", re.IGNORECASE)
_WITH_CREDENTIAL = re.compile(r"//[^/\s]*@")


def inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of `environment` that a run needs; names as they are written there."""
    kept = {
        name: value for name, value in environment.items() if name.upper() in NAMES or name.upper().startswith(PREFIXES)
    }
    settings = list(_git_settings(environment))
    for number, (key, value) in enumerate(settings):
        kept |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return {**kept, "GIT_CONFIG_COUNT": str(len(settings))} if settings else kept


def _git_settings(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """git's configuration by environment, as far as it is one of addresses without a credential in them."""
    count = environment.get("GIT_CONFIG_COUNT", "0")
    for number in range(int(count) if re.fullmatch("[0-9]{1,4}", count) else 0):
        key, value = (environment.get(f"GIT_CONFIG_{part}_{number}", "") for part in ("KEY", "VALUE"))
        if _GIT.fullmatch(key) and not _WITH_CREDENTIAL.search(key + value):
            yield key, value
