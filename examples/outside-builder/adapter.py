#!/usr/bin/env python3
"""An outside builder of images for Hearth: it receives announcements of builds, builds with buildah, pushes, streams
its log and reports the outcome. It needs buildah, git and tar, and of Python only the standard library.

    HEARTH_BUILDER_SECRET=whsec_… python3 adapter.py 0.0.0.0:9000

HEARTH_URL is the address of Hearth, if this machine reaches it by another than the announced one.

A forge's CI does the same: the receiver starts a job instead of a thread, and the job does what `Build.run` does.
"""

import base64
import contextlib
import hashlib
import hmac
import http.client
import http.server
import json
import os
import pathlib
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

MAX_ANNOUNCEMENT_BYTES = 1 << 20
MAX_CLOCK_SKEW_SECONDS = 300
MAX_LINES_PER_REPORT = 500
HEARTBEAT_SECONDS = 10
REQUEST_TIMEOUT_SECONDS = 60
REQUEST_ATTEMPTS = 5


def is_signed(secret, headers, body):
    """Checks the signature of a webhook (Standard Webhooks, section "Verifying webhook authenticity")."""
    try:
        sent = int(headers["webhook-timestamp"])
        key = base64.b64decode(secret.removeprefix("whsec_"))
        content = b".".join([headers["webhook-id"].encode(), str(sent).encode(), body])
        signatures = headers["webhook-signature"].split()
    except (KeyError, TypeError, ValueError, AttributeError):
        return False
    if abs(time.time() - sent) > MAX_CLOCK_SKEW_SECONDS:
        return False
    expected = "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return any(hmac.compare_digest(expected, signature) for signature in signatures)


class Stopped(Exception):
    """The build has ended, or another builder has it."""


class Failed(Exception):
    """The source cannot be built."""


class Reports:
    """The report API of one build. Every call repeats after errors of the server or the network."""

    def __init__(self, announced):
        self.url = announced["api"]["reports"]
        self.credential = announced["credential"]

    def open(self, path, document=None):
        data = None if document is None else json.dumps(document).encode()
        for attempt in range(1, REQUEST_ATTEMPTS + 1):
            request = urllib.request.Request(self.url + path, data=data)
            request.add_header("Authorization", f"Bearer {self.credential}")
            request.add_header("Content-Type", "application/json")
            try:
                return urllib.request.urlopen(request, timeout=REQUEST_TIMEOUT_SECONDS)
            except urllib.error.HTTPError as error:
                text = error.read(10_000).decode(errors="replace")
                if error.code in (401, 403, 409):
                    raise Stopped(text) from error
                if error.code < 500 and error.code != 429:
                    raise Failed(f"{path} was refused: {text}") from error
            except (OSError, http.client.HTTPException) as error:
                text = str(error)
            time.sleep(attempt)
        raise Failed(f"{path} got no answer: {text}")

    def send(self, path, document):
        with self.open(path, document) as answer:
            return json.load(answer)


class Log:
    """Lines of the build, which a thread sends in order."""

    def __init__(self, reports):
        self.reports, self.lines, self.next = reports, queue.Queue(), 1
        self.thread = threading.Thread(target=self.send_lines, daemon=True)
        self.thread.start()

    def write(self, line):
        self.lines.put(line)

    def send_lines(self):
        ended = False
        while not ended:
            batch = [self.lines.get()]
            while len(batch) < MAX_LINES_PER_REPORT and not self.lines.empty():
                batch.append(self.lines.get())
            ended = None in batch
            lines = [line for line in batch if line is not None]
            try:
                if lines:
                    self.next = self.reports.send("/log", {"first": self.next, "lines": lines})["next"]
            except (Stopped, Failed) as error:
                print(f"lines of the log not sent: {error}", file=sys.stderr)

    def close(self):
        self.lines.put(None)
        self.thread.join()


class Build:
    """One announced build."""

    def __init__(self, announced, folder):
        self.announced, self.folder = announced, folder
        self.reports = Reports(announced)
        self.log = Log(self.reports)
        self.stop = threading.Event()

    def run(self):
        threading.Thread(target=self.send_heartbeats, daemon=True).start()
        try:
            outcome = self.make_image()
        except Stopped:
            return
        except (Failed, OSError, subprocess.SubprocessError) as error:
            self.log.write(str(error))
            outcome = {"kind": "failed", "message": str(error)[:4000]}
        finally:
            self.stop.set()
        self.log.close()
        self.reports.send("/finish", {"outcome": outcome})

    def send_heartbeats(self):
        """Says that the build goes on, and stops it when Hearth says so: it was cancelled, or took too long."""
        while not self.stop.wait(HEARTBEAT_SECONDS):
            try:
                if self.reports.send("/heartbeat", {})["stop"]:
                    self.stop.set()
            except Stopped:
                self.stop.set()
            except Failed as error:
                print(f"heartbeat not sent: {error}", file=sys.stderr)

    def make_image(self):
        self.reports.send("/heartbeat", {"step": "fetch", "message": "Fetching the source."})
        source = self.fetch_source()
        containerfile = self.write_containerfile(source)
        self.reports.send("/heartbeat", {"step": "image", "message": "Building the image."})
        tls = f"--tls-verify={str(self.announced['api']['registry_tls']).lower()}"
        image = self.announced["image"]
        # A step of the source may read files of this machine, so the credential is in no file while steps run.
        with self.open_credential() as credential:
            for base in find_base_images(containerfile.read_text()):
                self.run_buildah("pull", credential, tls, base)
        arguments = [f"--build-arg={name}={value}" for name, value in self.announced["variables"].items()]
        self.run_buildah("build", "--pull=never", "--cap-drop=CAP_SYS_CHROOT", *arguments,
                         f"--file={containerfile}", f"--tag={image}", str(source))
        digest = self.folder / "digest"
        self.reports.send("/heartbeat", {"step": "push", "message": "Pushing the image."})
        with self.open_credential() as credential:
            self.run_buildah("push", credential, tls, f"--digestfile={digest}", image)
        return {"kind": "succeeded", "digest": digest.read_text().strip(), "message": "Built with buildah."}

    @contextlib.contextmanager
    def open_credential(self):
        """Writes the credential for the registry into a file, and yields the option that names it."""
        pair = base64.b64encode(f"builder:{self.announced['credential']}".encode()).decode()
        file = self.folder / "auth.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps({"auths": {self.announced["api"]["registry"]: {"auth": pair}}}))
        try:
            yield f"--authfile={file}"
        finally:
            file.unlink()

    def fetch_source(self):
        folder, source = self.folder / "source", self.announced["source"]
        folder.mkdir()
        if source["kind"] == "upload":
            archive = self.folder / "source.tar.gz"
            with self.reports.open("/source") as answer, archive.open("wb") as file:
                shutil.copyfileobj(answer, file)
            if "sha256:" + hashlib.sha256(archive.read_bytes()).hexdigest() != source["digest"]:
                raise Failed("the uploaded folder has another digest than announced")
            self.run_program("tar", "-xzf", str(archive), "-C", str(folder), "--no-same-owner")
        else:
            self.run_program("git", "-C", str(folder), "init", "--quiet")
            self.run_program("git", "-C", str(folder), "fetch", "--quiet", "--depth=1", "--",
                             source["url"], source["commit"])
            self.run_program("git", "-C", str(folder), "checkout", "--quiet", source["commit"])
        part = (folder / self.announced.get("folder", ".")).resolve()
        if not part.is_relative_to(folder.resolve()) or not part.is_dir():
            raise Failed("the source has no such folder")
        return part

    def write_containerfile(self, source):
        """Writes the recipe: that of the announcement, of the source, or the one that `hearth` makes of the source."""
        text = self.announced.get("plan")
        own = [source / name for name in ("Containerfile", "Dockerfile") if (source / name).is_file()]
        if any(not file.resolve().is_relative_to(source) for file in own):
            raise Failed("the Containerfile is a link out of the source")
        if text is None and own:
            text = own[0].read_text()
        if text is None:
            printed = subprocess.run(["hearth", "build", "plan", "--containerfile", str(source)],
                                     stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
            if printed.returncode != 0:
                raise Failed(printed.stderr)
            text = printed.stdout
        # The images of this Hearth are in its registry.
        text = text.replace("FROM hearth/", f"FROM {self.announced['api']['registry']}/hearth/")
        path = self.folder / "Containerfile"
        path.write_text(text)
        return path

    def run_buildah(self, command, *arguments):
        storage = [f"--root={self.folder}/storage", f"--runroot={self.folder}/run", "--storage-driver=vfs"]
        self.run_program("buildah", *storage, command, *arguments)

    def run_program(self, *arguments):
        """Runs a program, whose lines go to the log, until it ends or the build is to be stopped."""
        environment = {**os.environ, "BUILDAH_ISOLATION": "chroot", "GIT_TERMINAL_PROMPT": "0"}
        environment.pop("HEARTH_BUILDER_SECRET", None)
        with subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", env=environment) as program:
            watch = threading.Thread(target=self.end_when_stopped, args=[program], daemon=True)
            watch.start()
            for line in program.stdout:
                self.log.write(line.rstrip("\n"))
        if self.stop.is_set():
            raise Stopped("the build is to be stopped")
        if program.returncode != 0:
            raise Failed(f"{arguments[0]} ended with the code {program.returncode}")

    def end_when_stopped(self, program):
        while program.poll() is None:
            if self.stop.wait(0.2):
                program.terminate()
                return


def find_base_images(containerfile):
    """Finds the images of `FROM` lines that are no stages of the same recipe."""
    stages, images = set(), []
    for line in containerfile.splitlines():
        words = [word for word in line.split() if not word.startswith("--")]
        if len(words) < 2 or words[0].upper() != "FROM":
            continue
        if words[1] not in stages and words[1] != "scratch":
            images.append(words[1])
        if len(words) == 4 and words[2].upper() == "AS":
            stages.add(words[3])
    return images


def run_build(announced):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hearth-build-"))
    try:
        Build(announced, folder).run()
    except (Stopped, Failed) as error:
        print(f"{announced['build']}: {error}", file=sys.stderr)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def replace_address(announced, url):
    """Replaces the announced address of Hearth by the one at which this machine reaches it."""
    scheme, host = url.rstrip("/").split("://")
    api, former = announced["api"], announced["api"]["registry"]
    api["reports"] = f"{scheme}://{host}/" + api["reports"].split("/", 3)[3]
    announced["image"] = host + announced["image"].removeprefix(former)
    api["registry"], api["tls"] = host, scheme == "https"
    return announced


class Receiver(http.server.BaseHTTPRequestHandler):
    """Receives announcements. A signed one is accepted at once, and built once, however often it arrives."""

    secret = ""
    url = ""
    known = set()
    lock = threading.Lock()

    def do_POST(self):
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length) if 0 < length <= MAX_ANNOUNCEMENT_BYTES else b""
        if not is_signed(self.secret, self.headers, body):
            return self.answer(401)
        message = json.loads(body)
        if message["type"] != "build.requested":
            return self.answer(204)
        with self.lock:
            is_new = self.headers["webhook-id"] not in self.known
            self.known.add(self.headers["webhook-id"])
        if is_new:
            announced = replace_address(message["data"], self.url) if self.url else message["data"]
            threading.Thread(target=run_build, args=[announced], daemon=True).start()
        return self.answer(202)

    def answer(self, status):
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()


def main():
    Receiver.secret = os.environ["HEARTH_BUILDER_SECRET"]
    Receiver.url = os.environ.get("HEARTH_URL", "")
    host, port = sys.argv[1].rsplit(":", 1)
    server = http.server.ThreadingHTTPServer((host, int(port)), Receiver)
    print(f"listening on {host}:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
