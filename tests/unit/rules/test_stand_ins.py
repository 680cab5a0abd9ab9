"""Which content is a pointer of git-lfs or git-annex, and which only looks like one."""

from __future__ import annotations

import pytest

from databricks_sync.rules.stand_ins import SIZE, StandIn, is_annex_link, stand_in

OID = "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n"
POINTER = f"version https://git-lfs.github.com/spec/v1\n{OID}size 12345\n"
KEY = "SHA256E-s5--4d7a2146.csv"


@pytest.mark.parametrize(
    ("text", "program"),
    [
        (POINTER, StandIn.LFS),
        (POINTER.rstrip(), StandIn.LFS),
        (POINTER.replace("\n", "\r\n"), StandIn.LFS),
        (POINTER.replace("git-lfs", "hawser"), StandIn.LFS),
        (POINTER.replace("oid", f"ext-0-foo {OID.split()[1]}\noid"), StandIn.LFS),
        (f"/annex/objects/{KEY}\n", StandIn.ANNEX),
        (f"/annex/objects/{KEY}\r\nsee /annex/ for more\n", StandIn.ANNEX),
        (f"../../.git/annex/objects/q7/0x/{KEY}/{KEY}", StandIn.ANNEX),
        ("", None),
        (f"# What a pointer looks like\n{POINTER}", None),
        (f"{POINTER}\nThe line above says how large it is.\n", None),
        (POINTER.replace("sha256:4d", "sha256:4x"), None),
        (POINTER.replace("size 12345", "size"), None),
        (OID, None),
        (POINTER + "\n" * SIZE, None),
        (f"/annex/objects/{KEY}\nand more\n", None),
        (f"see /annex/objects/{KEY}\n", None),
        ("/annex/objects/\n", None),
    ],
)
def test_pointers(text: str, program: StandIn | None) -> None:
    """A pointer is told by its whole content; a text that only quotes one is a text."""
    assert stand_in(text.encode()) is program


@pytest.mark.parametrize(
    ("target", "annexed"),
    [
        (f".git/annex/objects/q7/0x/{KEY}/{KEY}", True),
        (f"../../.git/annex/objects/q7/0x/{KEY}/{KEY}", True),
        (f"../.git/modules/data/annex/objects/q7/0x/{KEY}/{KEY}", True),
        ("../annex/objects/a", False),
        ("a.git/annex/objects/a", False),
        ("", False),
    ],
)
def test_links(target: str, annexed: bool) -> None:
    """A link of git-annex leads into the git directory, also in a submodule."""
    assert is_annex_link(target) is annexed
