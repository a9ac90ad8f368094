import json
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

text = open(sys.argv[1]).read()
error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
if error is not None:
    sys.exit(str(error))
components = json.loads(text)["components"]
for component in components:
    purl = PackageURL.from_string(component["purl"])
    if purl.to_string() != component["purl"]:
        sys.exit(f"not the canonical form: {component['purl']}, {purl.to_string()}")
    if purl.version != component["version"]:
        sys.exit(f"another version: {component['purl']}, {component['version']}")
print(f"{len(components)} packages")
