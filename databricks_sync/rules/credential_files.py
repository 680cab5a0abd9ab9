"""Which files hold a credential, by their names alone: keys, and the files in which programs keep logins. Pure.

SOURCE: the file names of gitrob's and truffleHog's signatures, and what the tools around Databricks write.
"""

from __future__ import annotations

import re

from .names import folded

_FOLDERS = re.compile(r"(?:^|/)(?:\.(?:ssh|gnupg|aws|azure|kube|docker)|\.config/gcloud)(?=/)")
_SAMPLES = r"(?:sample|example|template|tmpl|dist|defaults?)"
_NAMES = re.compile(
    rf"\.env\.(?!(?:.*\.)?{_SAMPLES}$).+"
    rf"|(?!{_SAMPLES}\.).+\.env|\.envrc(?!\.{_SAMPLES}$).*"
    r"|\.databrickscfg.*|token-cache\.json|[._]netrc|\.pypirc|\.npmrc|\.yarnrc\.yml|\.git-credentials|\.pgpass|pgpass\.conf"
    r"|\.my\.cnf|\.dockercfg|\.htpasswd|\.s3cfg|\.boto|\.vault-token|\.?kubeconfig|\.terraformrc"
    r"|id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?(?:[._-].*)?(?<!\.pub)"
    r"|.*\.(?:pem|key|p8|p12|pfx|pkcs12|ppk|pvk|jks|bcfks|keystore|kdbx|keytab|ovpn|tfvars|tfstate|publishsettings)"
    r"|client_secret.*\.json|service[_-]?account.*\.json|local\.settings\.json"
)


def sensitive(path: str) -> str:
    """The beginning of `path` that makes it such a file, up to the folder or file of that name; "" where none does."""
    told = folded(path)
    if found := _FOLDERS.search(told):
        return "/".join(path.split("/")[: told[: found.end()].count("/") + 1])
    return path if _NAMES.fullmatch(told.rpartition("/")[2]) else ""
