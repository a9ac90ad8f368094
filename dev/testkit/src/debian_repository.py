# A repository of packages on the loopback interface that is filled from Debian's packages. Arguments: "gems" FOLDER RELEASE
# PACKAGE..., for the gems in these packages and in those that they need, and hearth-pond; or "composer" FOLDER RELEASE
# NAME..., for these packages of composer (VENDOR/NAME) in these source packages (NAME); or "gradle" FOLDER RELEASE, for the
# distribution of Gradle that a wrapper fetches, and the wrapper. FOLDER keeps the downloads. Prints its port; the log has the path of each
# request.
import gzip
import hashlib
import http.server
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import zipfile

KIND, FOLDER, RELEASE, *NAMES = sys.argv[1:]
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# Platform of gems with compiled extensions, and the Ruby that they are compiled for.
GEM_PLATFORM, GEM_RUBY = "x86_64-linux", "~> 3.3.0"
# Debian packages that contain gems.
GEM_PACKAGE = re.compile(r"^(ruby-|libruby3|puma|rake|rails)")
# Debian packages that contain Gradle, and the folder of its modules.
GRADLE_PACKAGES = ("gradle", "libgradle-core-java", "libgradle-plugins-java")
GRADLE_FOLDER = "usr/share/gradle/lib/"
# A compiled gem does not need the gem that would compile its library.
COMPILERS = {"mini_portile2"}

# A gem that Debian does not have.
POND_SPECIFICATION = """Gem::Specification.new do |s|
  s.name = "hearth-pond".freeze
  s.version = "1.0".freeze
end
"""
POND_PROGRAM = b"""require "socket"

module HearthPond
  def self.serve(port, page)
    server = TCPServer.new("0.0.0.0", port)
    loop do
      client = server.accept
      nil until client.gets.to_s.strip.empty?
      client.write("HTTP/1.1 200 OK\\r\\ncontent-length: #{page.bytesize}\\r\\nconnection: close\\r\\n\\r\\n#{page}")
      client.close
    end
  end
end
"""

FILES = {}


# --- Debian's packages ------------------------------------------------------------------------------------------------


def run_apt(*command):
    environment = os.environ | {"APT_CONFIG": f"{FOLDER}/apt.conf"}
    done = subprocess.run(command, cwd=f"{FOLDER}/files", env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)[:200]}: {done.stderr}")
    return done.stdout


def prepare_apt(kind):
    """Prepares settings of apt for the release, beside those of this machine."""
    for name in ("files", "state/lists/partial", "cache/archives/partial"):
        os.makedirs(f"{FOLDER}/{name}", exist_ok=True)
    open(f"{FOLDER}/status", "w").close()
    form = ["--format", "$(ORIGIN)|$(COMPONENT)|$(RELEASE)|$(REPO_URI)", "Created-By: Packages"]
    targets = subprocess.run(["apt-get", "indextargets", *form], capture_output=True, text=True, check=True).stdout
    rows = [line.split("|") for line in targets.splitlines()]
    url = next(row[3] for row in rows if row[:2] == ["Debian", "main"] and "-" not in row[2])
    with open(f"{FOLDER}/sources.list", "w") as sources:
        print(f"{kind} [signed-by={KEYRING}] {url} {RELEASE} main", file=sources)
    with open(f"{FOLDER}/apt.conf", "w") as settings:
        for key, value in {
            "Dir::State": f"{FOLDER}/state",
            "Dir::State::status": f"{FOLDER}/status",
            "Dir::Cache": f"{FOLDER}/cache",
            "Dir::Etc::sourcelist": f"{FOLDER}/sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "APT::Sandbox::User": "root",
            "Acquire::Languages": "none",
        }.items():
            print(f'{key} "{value}";', file=settings)
    run_apt("apt-get", "update", "-qq")


def list_files(suffix):
    return sorted(f"{FOLDER}/files/{name}" for name in os.listdir(f"{FOLDER}/files") if re.search(suffix, name))


# --- Gems -------------------------------------------------------------------------------------------------------------


def download_gems():
    without = [f"--no-{kind}" for kind in ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")]
    needed = run_apt("apt-cache", "depends", "--recurse", *without, *NAMES).splitlines()
    packages = {line for line in needed if line[0].isalnum() and GEM_PACKAGE.match(line)}
    run_apt("apt-get", "download", "-q", *sorted(packages))


def read_deb(path, links):
    """Reads the files of a package: path, mode, content. Adds its symbolic links to `links`."""
    archive = subprocess.run(["dpkg-deb", "--fsys-tarfile", path], capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for entry in tar:
            path = entry.name.removeprefix("./")
            if entry.isfile():
                yield path, entry.mode, tar.extractfile(entry).read()
            elif entry.issym():
                links[path] = os.path.normpath(os.path.join("/", os.path.dirname(path), entry.linkname))[1:]


def find_values(specification, key):
    """Finds the texts of a line such as `s.executables = ["puma".freeze]`."""
    line = re.search(rf"^  s\.{key} = (.*)$", specification, re.M)
    return re.findall(r'"((?:[^"\\]|\\.)*)"', line[1]) if line else []


def find_dependencies(specification):
    for name, texts in re.findall(r"add_runtime_dependency\(%q<([^>]+)>\.freeze, \[(.*)\]\)", specification):
        if name not in COMPILERS:
            yield name, re.findall(r'"([^"]+)"', texts)


def render_requirement(texts, indent):
    lines = ["!ruby/object:Gem::Requirement", f"{indent}  requirements:"]
    for text in texts:
        sign, _, version = text.rpartition(" ")
        lines += [f"{indent}  - - \"{sign or '='}\"", f"{indent}    - !ruby/object:Gem::Version", f"{indent}      version: '{version}'"]
    return "\n".join(lines)


def render_metadata(name, version, platform, specification, dependencies, files):
    lines = ["--- !ruby/object:Gem::Specification", f"name: {name}", "version: !ruby/object:Gem::Version"]
    lines += [f"  version: '{version}'", f"platform: {platform}", "authors:", "- unknown", "summary: A gem of Debian."]
    lines += [f"bindir: {(find_values(specification, 'bindir') or ['bin'])[0]}", "dependencies:" if dependencies else "dependencies: []"]
    for needed, texts in dependencies:
        requirement = render_requirement(texts, "  ")
        lines += ["- !ruby/object:Gem::Dependency", f"  name: {needed}", f"  requirement: {requirement}", "  type: :runtime"]
        lines += ["  prerelease: false", f"  version_requirements: {requirement}"]
    for key, values in (
        ("executables", find_values(specification, "executables")),
        ("require_paths", find_values(specification, "require_paths") or ["lib"]),
        ("files", sorted(files)),
    ):
        lines += [f"{key}:" if values else f"{key}: []", *(f'- "{value}"' for value in values)]
    ruby = [GEM_RUBY] if platform != "ruby" else [">= 0"]
    lines += [f"required_ruby_version: {render_requirement(ruby, '')}"]
    lines += [f"required_rubygems_version: {render_requirement(['>= 0'], '')}", "specification_version: 4", ""]
    return "\n".join(lines).encode()


def build_archive(files):
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, (mode, content) in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))
    return archive.getvalue()


def add_gem(index, specification, contents, root, title):
    """Adds a gem with the files below `root`, in a folder of its name and version."""
    name, version = find_values(specification, "name")[0], find_values(specification, "version")[0]
    own, extension = f"{root}gems/{title}/", re.compile(rf"^{re.escape(root)}extensions/[^/]+/[^/]+/{re.escape(title)}/(.*\.so)$")
    files = {path.removeprefix(own): kept for path, kept in contents.items() if path.startswith(own)}
    compiled = {f"lib/{found[1]}": kept for path, kept in contents.items() if (found := extension.match(path))}
    platform = GEM_PLATFORM if compiled else "ruby"
    files |= compiled
    dependencies = list(find_dependencies(specification))
    metadata = render_metadata(name, version, platform, specification, dependencies, files)
    pack = lambda content: (0o644, gzip.compress(content, mtime=0))
    gem = build_archive({"metadata.gz": pack(metadata), "data.tar.gz": pack(build_archive(files))})
    number = version if platform == "ruby" else f"{version}-{platform}"
    FILES[f"/gems/{name}-{number}.gem"] = gem
    needed = ",".join(f"{needed}:{'&'.join(texts)}" for needed, texts in dependencies)
    ruby = f",ruby:{GEM_RUBY}" if compiled else ""
    index.setdefault(name, {})[number] = f"{number} {needed}|checksum:{hashlib.sha256(gem).hexdigest()}{ruby}\n"


def fill_gems():
    prepare_apt("deb")
    download_gems()
    index = {}
    for path in list_files(r"\.deb$"):
        contents = {name: (mode, content) for name, mode, content in read_deb(path, {})}
        for name, (_, content) in contents.items():
            if found := re.match(r"(.*/)specifications/([^/]+)\.gemspec$", name):
                add_gem(index, content.decode(), contents, found[1], found[2])
    pond = {"gems/hearth-pond-1.0/lib/hearth_pond.rb": (0o644, POND_PROGRAM)}
    add_gem(index, POND_SPECIFICATION, pond, "", "hearth-pond-1.0")
    versions = ["created_at: 2026-01-01T00:00:00Z", "---"]
    for name, lines in sorted(index.items()):
        info = "---\n" + "".join(lines.values())
        FILES[f"/info/{name}"] = info.encode()
        versions.append(f"{name} {','.join(lines)} {hashlib.md5(info.encode()).hexdigest()}")
    FILES["/versions"] = ("\n".join(versions) + "\n").encode()
    FILES["/names"] = ("---\n" + "\n".join(sorted(index)) + "\n").encode()


# --- Packages of composer ---------------------------------------------------------------------------------------------


def build_zip(tar, members, folder):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for member in members:
            if member.isfile() and member.name.startswith(folder):
                packed.writestr(f"package/{member.name.removeprefix(folder)}", tar.extractfile(member).read())
    return archive.getvalue()


def add_packages(packages, path, own, server):
    """Adds the packages in a source archive of Debian, which has one, or one in each of many folders."""
    version = re.search(r"_([0-9.]+)[^/]*\.orig\.tar", path)[1].rstrip(".")
    with tarfile.open(path) as tar:
        members = tar.getmembers()
        for member in members:
            parts = member.name.split("/")
            if parts[-1] != "composer.json" or {"Tests", "tests", "Fixtures", "_build"} & set(parts):
                continue
            manifest = json.loads(tar.extractfile(member).read())
            name = manifest.get("name", "")
            if name not in own:
                continue
            # Parts of a larger source have versions of their own.
            alias = list(manifest.get("extra", {}).get("branch-alias", {}).values())
            number = f"{alias[0].removesuffix('-dev')}.0" if alias and len(parts) > 2 else version
            folder = member.name.removesuffix("composer.json")
            archive = build_zip(tar, members, folder)
            at = f"/dist/{name}/{number}.zip"
            FILES[at] = archive
            dist = {"type": "zip", "url": f"{server}{at}", "shasum": hashlib.sha1(archive).hexdigest()}
            packages.setdefault(name, {})[number] = manifest | {"version": number, "dist": dist}


def fill_composer(server):
    sources = [name for name in NAMES if "/" not in name]
    prepare_apt("deb-src")
    run_apt("apt-get", "source", "-q", "--download-only", "--tar-only", *sources)
    packages = {}
    for path in list_files(r"\.orig\.tar\.[gx]z$"):
        add_packages(packages, path, set(NAMES) - set(sources), server)
    FILES["/packages.json"] = json.dumps({"packages": packages}).encode()


# --- The distribution of Gradle ----------------------------------------------------------------------------------------


def fill_gradle():
    """Fills the distribution with Gradle's own modules; Debian's Gradle reads other libraries from its packages. Writes the
    wrapper, gradle-wrapper.jar, to FOLDER."""
    prepare_apt("deb")
    run_apt("apt-get", "download", "-q", *GRADLE_PACKAGES)
    contents, links = {}, {}
    for path in list_files(r"\.deb$"):
        contents |= {name: content for name, _, content in read_deb(path, links) if name.endswith(".jar")}
    modules = [path for path in links if path.startswith(GRADLE_FOLDER) and links[path] in contents]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        for parent in sorted({f"gradle/lib/{os.path.dirname(path.removeprefix(GRADLE_FOLDER))}" for path in modules}):
            packed.writestr(f"{parent.rstrip('/')}/", b"")
        for path in modules:
            packed.writestr(f"gradle/lib/{path.removeprefix(GRADLE_FOLDER)}", contents[links[path]])
    FILES["/gradle-bin.zip"] = archive.getvalue()
    with zipfile.ZipFile(f"{FOLDER}/gradle-wrapper.jar", "w") as wrapper:
        wrapper.writestr("build-receipt.properties", "versionNumber=4.4.1\n")
        for path in (path for path in contents if re.search(r"/gradle-(wrapper|cli)-[0-9.]+\.jar$", path)):
            with zipfile.ZipFile(io.BytesIO(contents[path])) as module:
                for name in module.namelist():
                    if name.endswith(".class"):
                        wrapper.writestr(name, module.read(name))


# --- The server -------------------------------------------------------------------------------------------------------


class Repository(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        content = FILES.get(self.path.split("?")[0])
        self.send_response(200 if content else 404)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content or b"")
        print(self.path, file=sys.stderr, flush=True)

    do_HEAD = do_GET

    def log_message(self, *arguments):
        pass


http_server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Repository)
port = http_server.server_address[1]
if KIND == "gems":
    fill_gems()
elif KIND == "gradle":
    fill_gradle()
else:
    fill_composer(f"http://127.0.0.1:{port}")
print(port, flush=True)
http_server.serve_forever()
