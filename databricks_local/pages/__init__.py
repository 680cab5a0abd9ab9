"""The page at `/`, for people: the workspace in a browser, without a line of JavaScript.

What the workspace holds is data here: templates escape everything, and the Content-Security-Policy forbids all
scripts. Jinja2 and markdown-it are imported with the first page, never when the server starts.
"""
