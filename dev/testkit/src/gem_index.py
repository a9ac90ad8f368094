# A repository of gems (the compact index of bundler) on the loopback interface that has the gem hearth-pond. Prints its port;
# the log has the path of each request.
import gzip
import hashlib
import http.server
import io
import sys
import tarfile

PROGRAM = """require "socket"

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
SPECIFICATION = """--- !ruby/object:Gem::Specification
name: hearth-pond
version: !ruby/object:Gem::Version
  version: '1.0'
platform: ruby
authors:
- hearth
require_paths:
- lib
files:
- lib/hearth_pond.rb
summary: A page.
required_ruby_version: !ruby/object:Gem::Requirement
  requirements:
  - - ">="
    - !ruby/object:Gem::Version
      version: '0'
required_rubygems_version: !ruby/object:Gem::Requirement
  requirements:
  - - ">="
    - !ruby/object:Gem::Version
      version: '0'
specification_version: 4
"""


def build_archive(files):
    """Builds a tar archive, equal in each run."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return archive.getvalue()


def build_gem():
    data = build_archive({"lib/hearth_pond.rb": PROGRAM.encode()})
    pack = lambda content: gzip.compress(content, mtime=0)
    return build_archive({"metadata.gz": pack(SPECIFICATION.encode()), "data.tar.gz": pack(data)})


GEM = build_gem()
INFO = f"---\n1.0 |checksum:{hashlib.sha256(GEM).hexdigest()}\n".encode()
FILES = {
    "/versions": f"created_at: 2026-01-01T00:00:00Z\n---\nhearth-pond 1.0 {hashlib.md5(INFO).hexdigest()}\n".encode(),
    "/info/hearth-pond": INFO,
    "/names": b"---\nhearth-pond\n",
    "/gems/hearth-pond-1.0.gem": GEM,
}


class Index(http.server.BaseHTTPRequestHandler):
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


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index)
print(server.server_address[1], flush=True)
server.serve_forever()
