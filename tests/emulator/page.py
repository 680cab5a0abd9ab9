"""A browser without a screen: cookies, forms and links, over the raw HTTP client."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from urllib.parse import urlencode

from .client import Local, Reply


@dataclass(frozen=True)
class Form:
    """Where a form leads, and what stands in it."""

    url: str
    fields: dict[str, object]


@dataclass
class Visitor:
    """Somebody with the page open; logged in once `log_in` was called."""

    local: Local
    cookie: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def get(self, url: str, **headers: str) -> Reply:
        return self.local.raw("GET", url, headers=self._headers(headers))

    def look(self, path: str, **query: object) -> Reply:
        return self.get(f"/workspace?{urlencode({'path': path, **query})}")

    def post(self, url: str, fields: dict[str, object], **headers: str) -> Reply:
        given = {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.local.host, **headers}
        return self.local.raw("POST", url, urlencode(fields).encode(), self._headers(given))

    def upload(self, url: str, *files: tuple[str, bytes], **fields: str) -> Reply:
        """A form with files, as a browser sends it."""
        named = [*((name, None, text.encode()) for name, text in fields.items()), *(("file", *file) for file in files)]
        body = b""
        for name, filename, content in named:
            head = f'name="{name}"' + ("" if filename is None else f'; filename="{filename}"')
            body += f"--x\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + content + b"\r\n"
        given = {"Content-Type": "multipart/form-data; boundary=x", "Origin": self.local.host}
        return self.local.raw("POST", url, body + b"--x--\r\n", self._headers(given))

    def log_in(self, token: str | None = None, to: str = "/") -> Reply:
        reply = self.post("/login", {"token": self.local.token if token is None else token, "next": to})
        self.cookie = reply.headers.get("set-cookie", "").split(";")[0]
        return reply

    def form(self, url: str, does: str = "edit|add") -> Form:
        """The form of a page that does something, with its fields as a browser would send them."""
        page = self.get(url)
        assert page.status == 200, text_of(page)
        found = re.search(rf'<form[^>]*action="(/(?:{does})\?.*?)">(.*?)</form>', text_of(page), re.S)
        assert found is not None
        fields = dict(re.findall(r'type="hidden" name="(\w+)" value="(.*?)"', found[2]))
        typed = re.search(r'<textarea id="text".*?>\n?(.*?)</textarea>', found[2], re.S)
        return Form(html.unescape(found[1]), {**fields, "text": html.unescape(typed[1]) if typed else ""})

    def send(self, form: Form, **typed: object) -> Reply:
        return self.post(form.url, {**form.fields, **typed})

    def csrf(self) -> str:
        found = re.search(r'name="csrf" value="(.*?)"', text_of(self.get("/")))
        assert found is not None
        return found[1]

    def edit(self, path: str, cell: int, text: str, **changed: object) -> Reply:
        return self.send(self.form(f"/edit?{urlencode({'path': path, 'cell': cell})}"), text=text, **changed)

    def _headers(self, more: dict[str, str]) -> dict[str, str]:
        given = {"Cookie": self.cookie} if self.cookie else {}
        return {**given, **self.headers, **more}


def text_of(reply: Reply) -> str:
    return reply.body.decode()


def read(reply: Reply) -> str:
    """What a person reads: no tags, entities resolved."""
    return html.unescape(re.sub(r"<[^>]*>", "", text_of(reply)))
