"""A web tool in one file: change it, then `hearth deploy`."""

import os
import platform
from datetime import datetime, timezone
from importlib.metadata import version

from flask import Flask, render_template, request

app = Flask(__name__)
started = datetime.now(timezone.utc)


@app.get("/")
def home():
    name = request.args.get("name", "").strip()[:40]
    facts = {
        "Python": platform.python_version(),
        "Flask": version("flask"),
        "Runs since": started.strftime("%-d %B %Y, %H:%M:%S UTC"),
        "Listens on port": os.environ.get("PORT", "unknown"),
    }
    return render_template("home.html", name=name, facts=facts)


@app.get("/healthz")
def healthz():
    return {"status": "ok"}
