# Pushes the image: NAME DESTINATION FOLDER. Then deletes files that the next build does not need.
set -eu
mkdir -p "$TMPDIR"
mount --bind "$TMPDIR" /var/tmp
buildah push --quiet --authfile /tmp/in/auth.json --digestfile /tmp/digest "$1" "$2"
printf 'hearth-digest %s\n' "$(cat /tmp/digest)"
rm -rf "$3"
buildah rmi --prune >/dev/null 2>&1 || :
