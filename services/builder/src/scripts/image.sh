# Makes the image: the arguments are buildah's. What a build that was killed left behind goes first.
set -eu
rm -rf "$TMPDIR"
mkdir -p "$TMPDIR"
buildah rm --all >/dev/null 2>&1 || :
exec buildah "$@"
