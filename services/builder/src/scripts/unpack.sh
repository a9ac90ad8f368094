# Unpacks an uploaded folder within limits: FOLDER BYTES ENTRIES. A run that has continued has it already.
set -eu
umask 022
if [ -e /tmp/taken ]; then cat >/dev/null; exit 0; fi
folder=$1 most=$2 entries=$3
archive=$folder.archive
rm -rf "$folder" "$archive"
trap 'rm -rf "$archive"' EXIT
cat >"$archive"

refuse() {
    rm -rf "$folder"
    echo "$1" >&2
    exit 1
}

# A small archive may unpack to 256 MiB, and a larger one to 50 times its size: more is a decompression bomb.
by_ratio=$((268435456 + $(stat -c %s "$archive") * 50))
if [ "$by_ratio" -lt "$most" ]; then most=$by_ratio; fi

# The first pass only counts: the full length of each file, holes of sparse files included, and each folder on the
# way to it. It stops at the first number that is too large.
count=$(gzip -dc "$archive" | LC_ALL=C tar -tvf - --numeric-owner --quoting-style=escape 2>/dev/null | awk -v most="$most" -v entries="$entries" '
    {
        size = ($3 ~ /^[0-9]+$/) ? $3 : 0
        bytes += size
        count++
        name = $0
        sub(/^[^ ]+ +[^ ]+ +[^ ]+ +[^ ]+ +[^ ]+ /, "", name)
        if (length(name) > 8192) { print "long"; stopped = 1; exit }
        while (match(name, /\/[^\/]*$/)) {
            name = substr(name, 1, RSTART - 1)
            if (name == "" || name in seen) break
            seen[name] = 1
            count++
            if (count > entries) break
        }
        if (bytes > most) { print "bytes"; stopped = 1; exit }
        if (count > entries) { print "entries"; stopped = 1; exit }
    }
    END { if (!stopped) print "fits" }
')
case $count in
    fits) ;;
    bytes) refuse "the folder unpacks to more than $((most >> 20)) MiB, the limit for an archive of its size; leave out large files" ;;
    entries) refuse "the folder has more than $entries files and folders; leave out installed packages and caches" ;;
    *) refuse "a path in the folder is too long" ;;
esac

mkdir -p "$folder"
tar -xzf "$archive" -C "$folder" --no-same-owner --no-same-permissions --delay-directory-restore || {
    status=$?
    rm -rf "$folder"
    exit "$status"
}
