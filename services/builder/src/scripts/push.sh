# Pushes the image, and lists its packages: NAME DESTINATION FOLDER CONTEXT ORIGINAL. Meanwhile deletes files that the next
# build does not need. FOLDER is the whole source, CONTEXT the folder of it that was built. ORIGINAL is an image with
# which the image is compared, or empty.
set -eu
# Number of stages, without names of their own, that are kept for the next build: the newest.
kept_stages=4

mkdir -p "$TMPDIR"
mount --bind "$TMPDIR" /var/tmp
# `image.sh` describes these files.
state=${TMPDIR%/*}/hearth-state
store=${TMPDIR%/*}/storage
mkdir -p "$state"
rm -f "$state/building"

# Prints the images of the cache, the newest first, each with its name or `<none>`.
list_images() {
    buildah images --no-trunc --noheading --format '{{.ID}} {{.Name}}'
}

# Deletes the images of earlier builds whose name the new image has now, and old stages. An image with others on top of
# it stays. Nothing of this is part of the pushed image.
delete_unused() {
    rm -rf "$1"
    list_images >"$TMPDIR/images"
    grep -v ' <none>$' "$TMPDIR/images" | cut -d ' ' -f 1 | sort -u >"$TMPDIR/named"
    {
        if [ -e "$state/named" ]; then comm -13 "$TMPDIR/named" "$state/named"; fi
        grep ' <none>$' "$TMPDIR/images" | cut -d ' ' -f 1 | tail -n "+$((kept_stages + 1))"
    } >"$TMPDIR/unused"
    mv "$TMPDIR/named" "$state/named"
    if [ -s "$TMPDIR/unused" ]; then xargs buildah rmi <"$TMPDIR/unused" || :; fi
}

# Mounts an image: NAME FOLDER. Without buildah, whose start takes longer than all the rest.
mount_image() {
    local layers
    layers=$(/tmp/in/image-inventory layers "$store" "$1") || return 1
    mkdir -p "$2"
    # In the kernel's older form, an option may be long.
    (cd "$store/overlay" && LIBMOUNT_FORCE_MOUNT2=always \
        mount -t overlay overlay -o "ro,nosuid,nodev,noexec,userxattr,lowerdir=$layers" "$2")
}

# Runs the program that reads what a stranger made, with limited memory and time.
run_inventory() {
    (ulimit -v 2097152 && exec timeout 60 /tmp/in/image-inventory "$@")
}

# Prints the packages of the image: NAME SOURCE.
list_packages() {
    chmod 755 /tmp/in/image-inventory
    mount_image "$1" "$TMPDIR/root" && run_inventory list "$TMPDIR/root" "$2"
}

# Prints the files by which the image differs from the original, which is deleted then: NAME.
compare_images() {
    mount_image "$1" "$TMPDIR/original" && run_inventory compare "$TMPDIR/original" "$TMPDIR/root" || return 1
    umount "$TMPDIR/original" && buildah rmi "$1" >/dev/null
}

# The lock file of a Rust program, which does not name its crates itself. It may be a link: then it is not read.
mkdir -p "$TMPDIR/source"
mv -T "$4/Cargo.lock" "$TMPDIR/source/Cargo.lock" 2>/dev/null || :
delete_unused "$3" >/dev/null 2>&1 &
buildah push --quiet --authfile /tmp/in/auth.json --digestfile /tmp/digest "$1" "$2"
printf 'hearth-digest %s\n' "$(cat /tmp/digest)"
if [ -n "$5" ] && [ "${5##*@}" != "$(cat /tmp/digest)" ]; then
    buildah pull --quiet --authfile /tmp/in/auth.json "docker://$5" >/dev/null || :
fi
# From here on the credential is nowhere.
rm -f /tmp/in/auth.json
list_packages "$1" "$TMPDIR/source" || echo 'The packages in the image could not be listed.' >&2
if [ -n "$5" ] && [ "${5##*@}" != "$(cat /tmp/digest)" ]; then
    compare_images "$5" || echo 'The images could not be compared.' >&2
fi
wait
