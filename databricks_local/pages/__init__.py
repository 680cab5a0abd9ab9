"""The page at `/`, for people: the workspace in a browser, with forms, and little script where those do not suffice.

What the workspace holds is data here: templates escape everything, and the Content-Security-Policy forbids all
scripts but our own files, on the pages that need them. What others wrote as HTML is shown in a sandbox. Jinja2 and
markdown-it are imported with the first page, never when the server starts.
"""
