# Pushes the image: NAME DESTINATION FOLDER. Then deletes files that the next build does not need.
set -eu
# Number of stages, without names of their own, that are kept for the next build: the newest.
kept_stages=4

mkdir -p "$TMPDIR"
mount --bind "$TMPDIR" /var/tmp
buildah push --quiet --authfile /tmp/in/auth.json --digestfile /tmp/digest "$1" "$2"
printf 'hearth-digest %s\n' "$(cat /tmp/digest)"
rm -rf "$3"

# Deletes images: one id per line. An image with others on top of it stays.
delete_images() {
    while read -r id; do
        buildah rmi "$id" >/dev/null 2>&1 || :
    done
}

# The images of earlier builds, whose name the new image has now; `image.sh` wrote the list.
if [ -e "$TMPDIR/named" ]; then
    buildah images --no-trunc --quiet --filter dangling=false | sort -u | comm -13 - "$TMPDIR/named" | delete_images
fi
buildah images --no-trunc --quiet --filter dangling=true | tail -n "+$((kept_stages + 1))" | delete_images
