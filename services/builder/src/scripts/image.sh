# Pulls the images that the build reads, then builds: INPUTS COUNT (NAME HOST)... and buildah's arguments. INPUTS is
# printed before anything else. HOST is the host of another registry, `upstream` for an image that
# Hearth's registry pulls from another one, and empty for an image of Hearth's own.
set -eu
if [ -n "$1" ]; then printf 'hearth-inputs %s\n' "$1"; fi
shift
if [ -e /tmp/in/materials ]; then printf 'hearth-materials %s\n' "$(cat /tmp/in/materials)"; fi
rm -rf "$TMPDIR"
mkdir -p "$TMPDIR"
# Parts of buildah ignore TMPDIR, and the root file system is read-only.
mount --bind "$TMPDIR" /var/tmp
# Short names that were resolved: buildah writes them even if it does not prompt.
short_names="--short-name-alias-conf=/tmp/short-names.conf"

# Beside TMPDIR: `building` exists from here until the push step, and `pulled` has a file for each image that the cache
# has. Each start of buildah costs as much as a small step, so none is started without need.
state=${TMPDIR%/*}/hearth-state
mkdir -p "$state/pulled"
if [ -e "$state/building" ]; then
    # The last build failed or was killed: leftovers are deleted, and the images are checked again.
    buildah rm --all >/dev/null 2>&1 || :
    rm -rf "$state/pulled"
    mkdir "$state/pulled"
fi
touch "$state/building"

# npm's packages, by their contents: build steps of detected recipes have this folder, and no layer does.
# A build without earlier layers begins without it: a step of an earlier build may have written anything there.
max_npm_megabytes=500
mkdir -p "$state/npm"
case " $* " in *" --no-cache "*) max_npm_megabytes=-1 ;; esac
if [ "$(du -sm "$state/npm" | cut -f 1)" -gt "$max_npm_megabytes" ]; then
    rm -rf "$state/npm"
    mkdir "$state/npm"
fi

# A Containerfile of the source: with other package sources than the last time, its steps run anew.
if [ -e /tmp/in/package-sources ]; then
    sources=$(cat /tmp/in/package-sources)
    if [ "$sources" != "$(cat "$state/package-sources" 2>/dev/null || :)" ]; then
        buildah rmi --all --force >/dev/null 2>&1 || :
        rm -rf "$state/pulled"
        mkdir "$state/pulled"
        printf %s "$sources" >"$state/package-sources"
    fi
fi

# Ends the build when a registry does not answer: HOST.
require_registry() {
    if ! reason=$(curl --silent --show-error --connect-timeout 30 --max-time 60 --output /dev/null "https://$1/v2/" 2>&1); then
        echo "The registry $1 does not answer: ${reason#curl: }" >&2
        exit 72
    fi
}

# Pulls one image: NAME [OPTION]. A name with a digest needs no look at the registry when the image is there.
pull_image() {
    name=$1 policy=always mark=
    shift
    case $name in
        *@sha256:*)
            policy=missing
            mark=$state/pulled/$(printf '%s' "$name" | sha256sum | cut -d ' ' -f 1)
            if [ -e "$mark" ]; then return 0; fi
            ;;
    esac
    buildah --registries-conf=/tmp/in/registries.conf "$short_names" pull --policy=$policy \
        --signature-policy=/tmp/in/policy.json "$@" -- "$name" >/dev/null || return 1
    if [ -n "$mark" ]; then touch "$mark"; fi
}

# Prints the digest of a pulled image: NAME HOST. The builder knows those of Hearth's own tags itself.
report_base() {
    case $1 in
        *@sha256:*) printf 'hearth-base %s %s\n' "${1%@*}" "${1##*@}" ;;
        *)
            if [ -n "$2" ]; then
                digest=$(buildah inspect --type image --format '{{.FromImageDigest}}' -- "$1") || return 0
                printf 'hearth-base %s %s\n' "$1" "$digest"
            fi
            ;;
    esac
}

# Pulls an image from the registry that has it, or ends with the status of the failure: NAME HOST.
pull_source_image() {
    case $2 in
        '') pull_image "$1" --authfile=/tmp/in/auth.json || exit 74 ;;
        upstream) pull_image "$1" --authfile=/tmp/in/auth.json || exit 73 ;;
        *)
            require_registry "$2"
            # The credential is for Hearth's own registry only.
            pull_image "$1" || exit 73
            ;;
    esac
    report_base "$1" "$2"
}

# All at the same time: layers are unpacked on several processors.
count=$1 pulls=
shift
while [ "$count" -gt 0 ]; do
    pull_source_image "$1" "$2" &
    pulls="$pulls $!"
    shift 2
    count=$((count - 1))
done
for pull in $pulls; do
    wait "$pull" || exit $?
done
# Build steps run code of strangers: from here on the credential is nowhere.
rm -f /tmp/in/auth.json
echo hearth-pulled
exec buildah --registries-conf=/tmp/in/registries.conf "$short_names" "$@"
