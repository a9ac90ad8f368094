# Pulls the images that the build reads, then builds: COUNT (NAME HOST)... and buildah's arguments. HOST is the host of
# another registry; it is empty for an image of Hearth's own. Leftovers of a killed build are deleted first.
set -eu
rm -rf "$TMPDIR"
mkdir -p "$TMPDIR"
# Parts of buildah ignore TMPDIR, and the root file system is read-only.
mount --bind "$TMPDIR" /var/tmp
# Short names that were resolved: buildah writes them even if it does not prompt.
short_names="--short-name-alias-conf=/tmp/short-names.conf"
buildah rm --all >/dev/null 2>&1 || :

# Ends the build when a registry does not answer: HOST.
require_registry() {
    if ! reason=$(curl --silent --show-error --connect-timeout 30 --max-time 60 --output /dev/null "https://$1/v2/" 2>&1); then
        echo "The registry $1 does not answer: ${reason#curl: }" >&2
        exit 72
    fi
}

count=$1
shift
while [ "$count" -gt 0 ]; do
    if [ -n "$2" ]; then
        require_registry "$2"
        # The credential is for Hearth's own registry only.
        buildah --registries-conf=/tmp/in/registries.conf "$short_names" pull --policy=newer \
            --signature-policy=/tmp/in/policy.json -- "$1" >/dev/null || exit 73
    else
        buildah --registries-conf=/tmp/in/registries.conf "$short_names" pull --policy=newer \
            --signature-policy=/tmp/in/policy.json --authfile=/tmp/in/auth.json -- "$1" >/dev/null || exit 74
    fi
    shift 2
    count=$((count - 1))
done
# Build steps run code of strangers: from here on the credential is nowhere.
rm -f /tmp/in/auth.json
exec buildah --registries-conf=/tmp/in/registries.conf "$short_names" "$@"
