# Builds the image: the arguments are buildah's. Leftovers of a killed build are deleted first.
set -eu
rm -rf "$TMPDIR"
mkdir -p "$TMPDIR"
# Parts of buildah ignore TMPDIR, and the root file system is read-only.
mount --bind "$TMPDIR" /var/tmp
buildah rm --all >/dev/null 2>&1 || :
exec buildah "$@"
