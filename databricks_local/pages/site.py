"""All pages and their addresses, and what happens to every visit: who asks, from where, and then the page."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from databricks_local.core.errors import ApiError
from databricks_local.mlflow_server.process import is_installed
from databricks_local.protocol.bodies import MAX_FORM, read_form, read_upload
from databricks_local.protocol.multipart import Part, is_multipart
from databricks_local.protocol.pipeline import Pipeline
from databricks_local.protocol.wire import TooLongError
from databricks_local.services import Services

from . import browse, comparison, file, jobs, notebook, objects, render, search, sessions
from .page import Answer, Download, Frame, Page, PageRequest, PageView, Redirect, link
from .sessions import LoginCodes, Sessions

PAGES: tuple[tuple[str, str, Page], ...] = (
    ("GET", "/", browse.start),
    ("GET", "/workspace", browse.show),
    ("GET", "/edit", notebook.editor),
    ("POST", "/edit", notebook.save),
    ("POST", "/delete", notebook.delete),
    ("GET", "/add", notebook.blank),
    ("POST", "/add", notebook.add),
    ("GET", "/search", search.search),
    ("GET", "/changes", comparison.show),
    ("GET", "/new", objects.blank),
    ("POST", "/new", objects.create),
    ("POST", "/upload", objects.upload),
    ("GET", "/move", objects.mover),
    ("POST", "/move", objects.move),
    ("GET", "/remove", objects.question),
    ("POST", "/remove", objects.remove),
    ("GET", "/download", objects.download),
    ("GET", "/file", file.editor),
    ("POST", "/file", file.save),
    ("POST", "/run", notebook.run),
    ("GET", "/output", notebook.output),
    ("GET", "/no-mlflow", jobs.no_mlflow),
    ("GET", "/jobs", jobs.jobs),
    ("GET", "/jobs/{job_id:int}", jobs.job),
    ("POST", "/jobs/{job_id:int}/run", jobs.run_now),
    ("GET", "/jobs/{job_id:int}/runs/{run_id:int}", jobs.run),
    ("POST", "/jobs/{job_id:int}/runs/{run_id:int}/cancel", jobs.cancel),
)

# Where to go after logging in, and what is read of an edit whose session has ended: it is nowhere else.
MAX_NEXT = 2_000
MAX_UNSAVED = 64 * 1024
# Of a form: the parameters of a notebook, or the files of an upload.
MAX_FIELDS = 200

WRONG = "That is not this workspace's token."
OLD_LINK = "This link has been used, or it is older than ten minutes. Log in with the token."

Endpoint = Callable[[Request], Awaitable[Response]]


def routes(pipeline: Pipeline, services: Services) -> list[BaseRoute]:
    """The routes of all pages; from now on `services` admits their sessions to MLflow's page, and gives login links."""
    site = Site(pipeline, services)
    services.admits, services.login_link = site.admits, site.login_link
    return [
        *(Route(f"/{name}", site.guarded(site.asset(name)), methods=["GET"]) for name in render.ASSETS),
        Route("/login", site.guarded(site.login_form), methods=["GET"]),
        Route("/login", site.guarded(site.login), methods=["POST"]),
        Route("/login/once", site.guarded(site.login_once), methods=["GET"]),
        Route("/logout", site.guarded(site.logout), methods=["POST"]),
        *(Route(path, site.guarded(site.page(page)), methods=[method]) for method, path, page in PAGES),
    ]


class Site:
    """What all pages share: sessions, and the workspace they show."""

    def __init__(self, pipeline: Pipeline, services: Services) -> None:
        self._pipeline = pipeline
        self._services = services
        self._sessions = Sessions()
        self._codes = LoginCodes()

    def admits(self, request: Request) -> bool:
        """Whether a page that is not ours, MLflow's, may be shown to this browser."""
        if not sessions.is_addressed_to_us(request) or not sessions.is_from_us(request):
            return False
        return self._sessions.csrf(request) is not None

    def login_link(self) -> str:
        """Where whoever opens it, once and within ten minutes, is logged in."""
        return link("/login/once", code=self._codes.new())

    def guarded(self, serve: Endpoint) -> Endpoint:
        """For every address of ours, logged in or not: the right name, our own forms, and no traceback."""

        async def guard(request: Request) -> Response:
            try:
                if not sessions.is_addressed_to_us(request):
                    return await self._problem(request, 403, "This server only answers as 127.0.0.1 or localhost.")
                if request.method == "POST" and not sessions.is_from_us(request):
                    return await self._problem(request, 403, "This form was sent by another site. Nothing was changed.")
                return await serve(request)
            except ClientDisconnect:
                return Response(status_code=400)
            except Exception as error:
                self._pipeline.log(error)
                return await self._problem(request, 500, "This page could not be made; server.log says why.")

        return guard

    def page(self, page: Page) -> Endpoint:
        """The endpoint of a page: for sessions only, others are led to the form to log in."""

        async def serve(request: Request) -> Response:
            csrf = self._sessions.csrf(request)
            form: dict[str, str] = {}
            files: list[Part] = []
            if request.method == "POST":
                try:
                    form, files = await (self._read(request) if csrf else _read_unsaved(request))
                except TooLongError:
                    return await self._problem(request, 413, "That is larger than what may be sent here.", csrf)
                except ValueError:
                    return await self._problem(request, 400, "The form could not be read.", csrf)
                refused = _form_problem(csrf, form)
                if refused:
                    return await self._problem(request, 403, refused, csrf, form)
            if csrf is None:
                path, query = request.url.path, request.url.query
                next_path = path + (f"?{query}" if query else "")
                return _redirect(
                    link("/login", next="" if next_path == "/" or len(next_path) > MAX_NEXT else next_path)
                )
            parameters = dict(request.query_params)
            workspace, services = self._pipeline.workspace, self._services
            visit = PageRequest(workspace, services, parameters, form, request.path_params, files)
            try:
                return await self._sent(request, await _made(page, visit, request.method), csrf)
            except ApiError as error:
                return await self._problem(request, error.status, error.message, csrf, form)

        return serve

    async def _read(self, request: Request) -> tuple[dict[str, str], list[Part]]:
        """What a form carries: fields, and files where it uploads some. Raises ValueError."""
        settings = self._pipeline.workspace.settings
        if not is_multipart(request.headers.get("content-type", "")):
            return await read_form(request, 3 * settings.max_source_bytes + 64 * 1024, MAX_FIELDS), []
        parts = await read_upload(request, settings.max_file_bytes + 64 * 1024, MAX_FIELDS)
        files = [part for part in parts if part.name == "file"]
        return {part.name: part.content.decode("utf-8", "replace") for part in parts if part.name != "file"}, files

    async def _sent(self, request: Request, answer: Answer, csrf: str) -> Response:
        if isinstance(answer, Redirect):
            return _redirect(answer.url)
        if isinstance(answer, Download):
            return render.download(answer.name, answer.content)
        if isinstance(answer, Frame):
            return render.framed(answer)
        return await self._shown(request, answer, csrf)

    def asset(self, name: str) -> Endpoint:
        """The endpoint of the style or the script of all pages, for everybody."""

        async def serve(_: Request) -> Response:
            return render.asset(name)

        return serve

    async def login_form(self, request: Request) -> Response:
        """The form to log in, which leads on to `next`."""
        is_short = len(request.scope["query_string"]) <= MAX_FORM
        next_path = sessions.local_path(request.query_params.get("next", "/")) if is_short else "/"
        if self._sessions.csrf(request) is not None:
            return _redirect(next_path)
        return await self._shown(request, PageView("login.html", {"next": next_path, "wrong": ""}), None)

    async def login_once(self, request: Request) -> Response:
        """Begins a session for whoever has a code that is still good; else the form, with 403."""
        if sessions.is_look_ahead(request):
            return Response(status_code=425, headers={"Cache-Control": "no-store"})
        if self._sessions.csrf(request) is None and not self._codes.use(request.query_params.get("code", "")):
            return await self._shown(request, PageView("login.html", {"next": "/", "wrong": OLD_LINK}, 403), None)
        # A redirect would not do: to who comes from a link on another site, browsers send no cookie until a page of
        # ours leads on.
        answer = await self._shown(request, PageView("logged_in.html"), None)
        if self._sessions.csrf(request) is None:
            self._sessions.begin(request, answer)
        return answer

    async def login(self, request: Request) -> Response:
        """Begins a session for whoever sends the token, and leads on; else the form again, with 403."""
        try:
            form = await read_form(request, MAX_FORM)
        except TooLongError:
            return await self._problem(request, 413, "That is longer than a token may be.")
        except ValueError:
            form = {}
        next_path = sessions.local_path(form.get("next", "/"))
        if not self._pipeline.is_token(form.get("token", "").strip()):
            return await self._shown(request, PageView("login.html", {"next": next_path, "wrong": WRONG}, 403), None)
        answer = _redirect(next_path)
        self._sessions.begin(request, answer)
        return answer

    async def logout(self, request: Request) -> Response:
        """Ends the session, if the form is one of its own."""
        csrf = self._sessions.csrf(request)
        answer = _redirect("/login")
        if csrf is None:
            return answer
        try:
            form = await read_form(request, MAX_FORM)
        except ValueError:
            form = {}
        if sessions.is_form_of(csrf, form):
            self._sessions.end(request, answer)
        return answer

    async def _problem(
        self,
        request: Request,
        status: int,
        text: str,
        csrf: str | None = None,
        form: dict[str, str] | None = None,
    ) -> Response:
        """What went wrong, and what the person had typed: it is nowhere else."""
        heading = "Not found" if status == 404 else HTTPStatus(status).phrase.capitalize()
        values = {"heading": heading, "text": text, "typed": (form or {}).get("text"), "back": None}
        return await self._shown(request, PageView("problem.html", values, status), csrf)

    async def _shown(self, request: Request, view: PageView, csrf: str | None) -> Response:
        common: dict[str, Any] = {
            "user": self._pipeline.workspace.settings.user if csrf else None,
            "csrf": csrf or "",
            "current": request.url.path,
            "has_mlflow": is_installed(),
        }
        # In a thread: colouring a long notebook must not keep the API waiting.
        return await run_in_threadpool(render.answer, view, common)


async def _made(page: Page, visit: PageRequest, method: str) -> Answer:
    made: Answer | Awaitable[Answer]
    if inspect.iscoroutinefunction(page):
        made = page(visit)
    elif method == "POST":
        made = await visit.workspace.change(partial(page, visit))
    else:
        made = await visit.workspace.read(lambda seen: page(visit.of(seen)))
    return await made if isinstance(made, Awaitable) else made


async def _read_unsaved(request: Request) -> tuple[dict[str, str], list[Part]]:
    """What a person had typed whose session has ended; only a browser shows that it comes from our own page."""
    if "origin" not in request.headers:
        return {}, []
    try:
        return await read_form(request, MAX_UNSAVED), []
    except ValueError:
        return {}, []


def _form_problem(csrf: str | None, form: dict[str, str]) -> str | None:
    if csrf is None:
        return "You are not logged in any more, so nothing was saved. Log in, then open the notebook again."
    if not sessions.is_form_of(csrf, form):
        return "This form belongs to an earlier login, so nothing was saved. Open the page again."
    return None


def _redirect(url: str) -> Response:
    return RedirectResponse(url, 303, headers={**render.HEADERS, "Cache-Control": "no-store"})
