"""Which files hold a credential, by their names."""

from __future__ import annotations

import pytest

from databricks_sync.rules.credential_files import sensitive


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
    assert sensitive(name) == name and sensitive(f"a/b/{name}") == f"a/b/{name}"


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
    assert sensitive(path) == part


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
    assert sensitive(path) == ""
