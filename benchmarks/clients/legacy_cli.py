"""The `databricks` command of databricks-cli 0.18.0 as it ships, but for two lines of its client.

It drops the port of its host, and repeats a 429 only over https. Both are put right here, so that it can be
measured against a workspace on this machine. Runs in that tool's own environment.
"""

from __future__ import annotations

import sys
from typing import Any

import requests
from databricks_cli.cli import main
from databricks_cli.sdk.api_client import ApiClient

_init = ApiClient.__init__


def _with_port(self: ApiClient, *args: Any, host: str, **options: Any) -> None:
    _init(self, *args, host=host, **options)
    self.url = f"{host.rstrip('/')}/api/"
    retries = self.session.get_adapter("https://").max_retries
    self.session.mount("http://", requests.adapters.HTTPAdapter(max_retries=retries))


ApiClient.__init__ = _with_port
sys.argv[0] = "databricks"
sys.exit(main())
