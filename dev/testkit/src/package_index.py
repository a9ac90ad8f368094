# A package index (PEP 503) on the loopback interface that has the package hearth-pond, and redirects to the index of this
# machine for all others; below /npm/ a registry of Node.js packages that passes requests on to this machine's own. Prints
# its port; the log has the path of each request.
import ensurepip
import glob
import hashlib
import http.server
import io
import os
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile

WHEEL = "hearth_pond-1.0-py3-none-any.whl"
FILES = {
    "hearth_pond.py": "DEPTH = 7\n",
    "hearth_pond-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: hearth-pond\nVersion: 1.0\n",
    "hearth_pond-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: hearth\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}


def build_wheel():
    """Builds the wheel; equal in each run, so that a lock file can contain its hash."""
    record = "hearth_pond-1.0.dist-info/RECORD"
    files = FILES | {record: "".join(f"{name},,\n" for name in [*FILES, record])}
    wheel = io.BytesIO()
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return wheel.getvalue()


CONTENT = build_wheel()
PAGE = f'<a href="/{WHEEL}#sha256={hashlib.sha256(CONTENT).hexdigest()}">{WHEEL}</a>'.encode()


def find_upstream():
    """Finds the index of this machine: environment, configuration of pip, pip's default."""
    # pip itself may not be installed; its wheel is there for virtual environments.
    bundled = os.path.join(os.path.dirname(ensurepip.__file__), "_bundled")
    for folder in ("/usr/share/python-wheels", bundled):
        sys.path.extend(glob.glob(f"{folder}/pip-*.whl"))
    from pip._internal.configuration import Configuration
    from pip._internal.exceptions import ConfigurationError
    from pip._internal.models.index import PyPI

    configuration = Configuration(isolated=False)
    configuration.load()
    for key in (":env:.index-url", "global.index-url"):
        try:
            return configuration.get_value(key)
        except ConfigurationError:
            pass
    return PyPI.simple_url


UPSTREAM = find_upstream().rstrip("/")


def find_npm_upstream():
    """Finds the registry of this machine's npm."""
    command = ["npm", "config", "get", "registry"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip().rstrip("/")


def fetch_npm(path, accept, own):
    """Fetches a document or a package; documents name packages by the URL `own`."""
    upstream = find_npm_upstream()
    request = urllib.request.Request(f"{upstream}/{path}", headers={"Accept": accept or "*/*"})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            kind, content = response.headers.get("Content-Type", ""), response.read()
    except urllib.error.HTTPError as error:
        return error.code, b"", ("Content-Type", "text/plain")
    if "json" in kind:
        content = content.replace(upstream.encode(), own.encode())
    return 200, content, ("Content-Type", kind)


class Index(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        parts = self.path.strip("/").split("/")
        if parts == ["simple", "hearth-pond"]:
            self.answer(200, PAGE, ("Content-Type", "text/html"))
        elif parts == [WHEEL]:
            self.answer(200, CONTENT, ("Content-Type", "application/octet-stream"))
        elif parts[0] == "npm":
            own = f"http://127.0.0.1:{self.server.server_address[1]}/npm"
            self.answer(*fetch_npm(self.path.removeprefix("/npm/"), self.headers.get("Accept"), own))
        elif len(parts) == 2 and parts[0] == "simple":
            self.answer(302, b"", ("Location", f"{UPSTREAM}/{parts[1]}/"))
        else:
            self.answer(404, b"", ("Content-Type", "text/plain"))

    do_HEAD = do_GET

    def answer(self, status, content, header):
        self.send_response(status)
        self.send_header(*header)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)
        print(self.path, file=sys.stderr, flush=True)

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index)
print(server.server_address[1], flush=True)
server.serve_forever()
