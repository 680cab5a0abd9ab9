"""`--open`: shows the folder in the browser, because the person has said so."""

from __future__ import annotations

from collections.abc import Callable

# For a workspace that ends with the command (`Login.ends`): no address of it is worth printing.
ENDED = (
    "The workspace on this machine ends with this command, and its page too. "
    "To look at it, type `databricks_local serve` and open the address that it prints."
)


def show(address: str, notice: Callable[[str], None]) -> None:
    """Opens an address; `notice` is called with what there is to do where that is not possible."""
    import webbrowser  # which few runs need

    if not address:
        notice(ENDED)
    elif not webbrowser.open(address):
        notice(f"No browser was found. Open {address} yourself.")
