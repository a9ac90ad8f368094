"""Serves the files of a folder: static_server.py PORT FOLDER.

A file is identified by its content (ETag), and a browser asks each time whether it is still the same. Files whose names
begin with a dot, files that describe the build, and lists of folders are not served.
"""

import codecs
import hashlib
import http.server
import mimetypes
import os
import re
import sys
import urllib.parse

HIDDEN_NAMES = {"hearth.yaml", "hearth.yml", "procfile", "containerfile", "dockerfile"}
TEXT_TYPES = {"application/javascript", "application/json", "application/manifest+json", "application/xml", "image/svg+xml"}
EXTRA_TYPES = {
    ".js": "text/javascript", ".mjs": "text/javascript", ".md": "text/markdown", ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json", ".woff2": "font/woff2", ".woff": "font/woff", ".webp": "image/webp",
    ".avif": "image/avif", ".yaml": "text/yaml", ".yml": "text/yaml", ".svg": "image/svg+xml", ".json": "application/json",
}
PIECE_BYTES = 64 * 1024
DIGESTS = {}


def read_digest(path, status):
    """Returns the ETag of a file, and True if its content is UTF-8. Both are remembered until the file changes."""
    key = (path, status.st_mtime_ns, status.st_size, status.st_ino)
    if key not in DIGESTS:
        digest, decoder, is_utf8 = hashlib.sha256(), codecs.getincrementaldecoder("utf-8")(), True
        with open(path, "rb") as file:
            while piece := file.read(PIECE_BYTES):
                digest.update(piece)
                is_utf8 = is_utf8 and is_decodable(decoder, piece, False)
        is_utf8 = is_utf8 and is_decodable(decoder, b"", True)
        DIGESTS[key] = (f"\"{digest.hexdigest()[:32]}\"", is_utf8)
    return DIGESTS[key]


def is_decodable(decoder, piece, is_last):
    try:
        decoder.decode(piece, is_last)
        return True
    except UnicodeDecodeError:
        return False


def is_visible(names):
    """True if no name of a path is hidden. `.well-known` is public (RFC 8615)."""
    if names[:1] == [".well-known"]:
        names = names[1:]
    return all(not name.startswith(".") for name in names) and not (
        len(names) == 1 and names[0].lower() in HIDDEN_NAMES)


def find_content_type(path, is_utf8):
    extension = os.path.splitext(path)[1].lower()
    found = EXTRA_TYPES.get(extension) or mimetypes.guess_type(path)[0] or "application/octet-stream"
    is_text = found.startswith("text/") or found in TEXT_TYPES
    return f"{found}; charset=utf-8" if is_text and is_utf8 else found


def parse_range(text, size):
    """Returns first and last byte, None for the whole file, or False if the range is outside of it (RFC 9110, 14)."""
    match = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", (text or "").strip())
    if not match or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if first == "":
        return (max(size - int(last), 0), size - 1) if int(last) > 0 and size > 0 else False
    if last and int(last) < int(first):
        return None
    return (int(first), min(int(last or size), size - 1)) if int(first) < size else False


class StaticHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "static", ""
    timeout = 60
    root = "/app"

    def do_GET(self):
        path, _, query = self.path.partition("?")
        names = self.split_path(path)
        found = self.find_file(names)
        if found is None:
            return self.send_missing()
        # The address of a folder ends in a slash, so that relative links in its page are right.
        if os.path.isdir(self.join(names)) and names and not path.endswith("/"):
            location = urllib.parse.quote(names[-1], errors="surrogateescape") + "/" + (f"?{query}" if query else "")
            return self.send_text(301, "moved to " + location, [("Location", location)])
        return self.send_found(found, 200)

    do_HEAD = do_GET

    def split_path(self, path):
        text = urllib.parse.unquote(path, errors="surrogateescape")
        return None if "\0" in text else [name for name in text.split("/") if name]

    def join(self, names):
        return os.path.join(self.root, *names)

    def find_file(self, names):
        """Finds the file of a path: itself, its page without the extension, or the index of a folder."""
        if names is None or not is_visible(names):
            return None
        path = self.join(names)
        for candidate in (os.path.join(path, "index.html"), path, path + ".html"):
            real = os.path.realpath(candidate)
            inside = os.path.relpath(real, self.root).split(os.sep)
            if os.path.isfile(real) and inside[0] != os.pardir and is_visible(inside):
                return real
        return None

    def send_missing(self):
        page = self.find_file(["404.html"])
        if page is None:
            return self.send_text(404, "There is no page here.")
        return self.send_found(page, 404)

    def send_text(self, status, text, headers=()):
        body = (text + "\n").encode(errors="replace")
        self.send_response(status)
        for name, value in [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body))), *headers]:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_found(self, path, status):
        with open(path, "rb") as file:
            state = os.fstat(file.fileno())
            tag, is_utf8 = read_digest(path, state)
            headers = [("ETag", tag), ("Cache-Control", "no-cache"), ("X-Content-Type-Options", "nosniff")]
            wanted = None
            if status == 200:
                headers.append(("Accept-Ranges", "bytes"))
                known = [entry.strip().removeprefix("W/") for entry in self.headers.get("If-None-Match", "").split(",")]
                if tag in known or known == ["*"]:
                    return self.send_head(304, headers)
                if self.headers.get("If-Range", tag) == tag:
                    wanted = parse_range(self.headers.get("Range"), state.st_size)
            if wanted is False:
                headers += [("Content-Range", f"bytes */{state.st_size}"), ("Content-Length", "0")]
                return self.send_head(416, headers)
            first, last = wanted or (0, state.st_size - 1)
            if wanted:
                status = 206
                headers.append(("Content-Range", f"bytes {first}-{last}/{state.st_size}"))
            headers += [("Content-Type", find_content_type(path, is_utf8)), ("Content-Length", str(last - first + 1))]
            self.send_head(status, headers)
            if self.command != "HEAD":
                file.seek(first)
                self.send_bytes(file, last - first + 1)

    def send_head(self, status, headers):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()

    def send_bytes(self, file, count):
        while count > 0 and (piece := file.read(min(count, PIECE_BYTES))):
            self.wfile.write(piece)
            count -= len(piece)

    def log_message(self, form, *values):
        """Logs requests without the address of the visitor."""
        print(form % values, file=sys.stderr, flush=True)


class StaticServer(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """A visitor who closes the connection is no error."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


if __name__ == "__main__":
    StaticHandler.root = os.path.realpath(sys.argv[2] if len(sys.argv) > 2 else ".")
    print(f"serving {StaticHandler.root} on port {sys.argv[1]}", file=sys.stderr, flush=True)
    StaticServer(("0.0.0.0", int(sys.argv[1])), StaticHandler).serve_forever()
