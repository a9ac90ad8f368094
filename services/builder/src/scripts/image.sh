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
# The push step deletes those that have lost their name by then.
buildah images --no-trunc --quiet --filter dangling=false | sort -u >"$TMPDIR/named"

# Ends the build when a registry does not answer: HOST.
require_registry() {
    if ! reason=$(curl --silent --show-error --connect-timeout 30 --max-time 60 --output /dev/null "https://$1/v2/" 2>&1); then
        echo "The registry $1 does not answer: ${reason#curl: }" >&2
        exit 72
    fi
}

# Pulls one image: NAME [OPTION]. A name with a digest needs no look at the registry when the image is there.
pull_image() {
    name=$1 policy=always
    shift
    case $name in *@sha256:*) policy=missing ;; esac
    buildah --registries-conf=/tmp/in/registries.conf "$short_names" pull --policy=$policy \
        --signature-policy=/tmp/in/policy.json "$@" -- "$name" >/dev/null
}

count=$1
shift
while [ "$count" -gt 0 ]; do
    if [ -n "$2" ]; then
        require_registry "$2"
        # The credential is for Hearth's own registry only.
        pull_image "$1" || exit 73
    else
        pull_image "$1" --authfile=/tmp/in/auth.json || exit 74
    fi
    shift 2
    count=$((count - 1))
done
# Build steps run code of strangers: from here on the credential is nowhere.
rm -f /tmp/in/auth.json
exec buildah --registries-conf=/tmp/in/registries.conf "$short_names" "$@"
