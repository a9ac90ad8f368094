# Functions that fetch a repository whole: one commit, its submodules and its Git LFS objects. What cannot be fetched
# ends the script with the status 71, after a line with the reason: a build never silently holds less. The script that
# uses them sets max_source_bytes.

# Limits of one source.
MAX_SUBMODULES=64
MAX_SUBMODULE_DEPTH=5

submodule_count=0
lists=$(mktemp -d -p /tmp)
trap 'rm -rf "$lists"; delete_credentials' EXIT
tab=$(printf '\t')

# Deletes the credentials for private repositories, which were supplied to this run.
delete_credentials() {
    rm -f /tmp/in/source-credential*
}

# Ends the script: REASON.
fail_fetch() {
    printf '%s\n' "$*" >&2
    exit 71
}

# Prints each line of the input after a prefix: PREFIX. Names of a source are never part of a program.
add_prefix() {
    while IFS= read -r line; do printf '%s%s\n' "$1" "$line"; done
}

# Fetches a repository into the current folder, which is empty: ADDRESS COMMIT. Sets source_time to the commit's time.
fetch_repository() {
    root=$(pwd -P)
    fetch_commit "$1" "$2" || exit 71
    source_time=$(git show --no-patch --format=%ct FETCH_HEAD)
    complete_repository 0 ''
}

# Ends the script when the whole source is larger than its limit, in blocks of the disk.
check_source_size() {
    if [ "$(du -s --block-size=1 "$root" | cut -f 1)" -gt "$max_source_bytes" ]; then
        fail_fetch "The source is larger than $((max_source_bytes >> 20)) MiB, with its submodules and Git LFS objects."
    fi
}

# Fetches one commit into the current folder: ADDRESS COMMIT.
fetch_commit() {
    local tries=0 from="$1"
    # The caller handles a failure, so that `set -e` does not apply here.
    git init --quiet --template= . || return 1
    # Relative addresses of submodules and of LFS objects refer to it.
    git config remote.origin.url "$1" || return 1
    until git fetch --quiet --depth 1 --no-tags --no-recurse-submodules --no-auto-maintenance -- "$from" "$2"; do
        tries=$((tries + 1))
        if [ "$tries" -ge 3 ]; then return 1; fi
        from=$(choose_next_address "$1" "$from")
        sleep 2
    done
    git checkout --quiet --detach FETCH_HEAD || return 1
    check_source_size
}

# Prints the address for the next try: ADDRESS LAST. With a credential, git does not follow the redirect of GitLab to the
# address with .git, which is therefore tried after the other one.
choose_next_address() {
    case $1 in
        *.git | */) ;;
        *)
            if [ "$1" = "$2" ] && [ -n "$(git config --get-urlmatch credential.helper "$1" || :)" ]; then
                printf '%s.git' "$1"
                return 0
            fi
            ;;
    esac
    printf '%s' "$1"
}

# Fetches the LFS objects and submodules of the repository in the current folder, and removes its .git:
# DEPTH PREFIX. PREFIX is the folder's path from the top, for messages.
complete_repository() {
    local links="$lists/submodules.$1"
    git -c core.quotePath=false ls-files --stage | sed -n "s/^160000 \([0-9a-f]*\) 0$tab/\1$tab/p" >"$links"
    # Named before anything is fetched: the log of a refused source tells all of its parts.
    cut -f 2 "$links" | add_prefix "The source has the submodule $2"
    fetch_lfs_objects "$2"
    local commit path
    while IFS=$tab read -r commit path; do
        fetch_submodule "$1" "$2" "$commit" "$path"
    done <"$links"
    rm -rf .git
}

# Fetches one submodule of the repository in the current folder: DEPTH PREFIX COMMIT PATH.
fetch_submodule() {
    local depth=$(($1 + 1)) shown="$2$4" commit=$3 path=$4
    local name address above
    case $path in \"*) fail_fetch "The path of the submodule $shown has characters that are not supported." ;; esac
    name=$(find_submodule_name "$path")
    if [ -z "$name" ]; then fail_fetch "The submodule $shown has no address: .gitmodules does not name it."; fi
    if [ "$(git config -f .gitmodules "submodule.$name.update" || :)" = none ]; then
        echo "The submodule $shown is left out: .gitmodules says update = none."
        return 0
    fi
    submodule_count=$((submodule_count + 1))
    if [ "$submodule_count" -gt "$MAX_SUBMODULES" ]; then
        fail_fetch "The source has more than $MAX_SUBMODULES submodules; $shown is one more."
    fi
    if [ "$depth" -gt "$MAX_SUBMODULE_DEPTH" ]; then
        fail_fetch "The submodule $shown is nested deeper than $MAX_SUBMODULE_DEPTH levels."
    fi
    git submodule --quiet init -- "$path" </dev/null || fail_fetch "The submodule $shown cannot be read from .gitmodules."
    address=$(to_public_address "$(git config "submodule.$name.url" || :)")
    case $address in
        http://* | https://*) ;;
        *) fail_fetch "The submodule $shown cannot be fetched: its address in .gitmodules is not http or https." ;;
    esac
    echo "Fetching the submodule $shown from $address"
    above=$(pwd -P)
    mkdir -p "./$path"
    cd "./$path"
    fetch_commit "$address" "$commit" || fail_fetch "The submodule $shown could not be fetched from $address."
    complete_repository "$depth" "$shown/"
    cd "$above"
}

# Prints the name of a submodule in .gitmodules: PATH.
find_submodule_name() {
    [ -f .gitmodules ] || return 0
    git config -z -f .gitmodules --get-regexp '^submodule\..*\.path$' | tr '\n\0' '\t\n' |
        while IFS=$tab read -r key value; do
            if [ "$value" = "$1" ]; then
                key=${key#submodule.}
                printf '%s' "${key%.path}"
                break
            fi
        done
}

# Prints the public form of an address: what is cloned by ssh with a key is nearly always public by https.
to_public_address() {
    case $1 in
        git@*:*) printf '%s' "$1" | sed 's|^git@\([^:/]*\):/*|https://\1/|' ;;
        ssh://git@*) printf '%s' "$1" | sed 's|^ssh://git@\([^:/]*\)\(:[0-9]*\)\{0,1\}/|https://\1/|' ;;
        git://*) printf 'https://%s' "${1#git://}" ;;
        *) printf '%s' "$1" ;;
    esac
}

# Prints the files of the current repository that are pointers to LFS objects.
list_lfs_pointers() {
    find . -name .git -prune -o -type f -size -3 -exec grep -l '^version https://git-lfs.github.com/spec/v1$' {} + |
        while IFS= read -r file; do
            case $(git check-attr filter -- "$file") in
                *': filter: lfs') printf '%s\n' "${file#./}" ;;
            esac
        done
}

# Replaces the pointers of the current repository by their LFS objects: PREFIX.
fetch_lfs_objects() {
    git ls-files | grep -q '\(^\|/\)\.gitattributes$' || return 0
    local pointers="$lists/lfs-pointers" excess shown
    list_lfs_pointers >"$pointers"
    [ -s "$pointers" ] || return 0
    # awk compares: sizes that a source declares may exceed the integers of the shell.
    excess=$(while IFS= read -r file; do sed -n 's/^size \([0-9]\{1,15\}\)$/\1/p' <"./$file"; done <"$pointers" |
        awk -v max="$max_source_bytes" '{ sum += $1 } END { if (sum > max) printf "%.0f", sum / 1048576 }')
    if [ -n "$excess" ]; then
        fail_fetch "The Git LFS objects of the source have $excess MiB; at most $((max_source_bytes >> 20)) MiB are fetched."
    fi
    echo "Fetching $(wc -l <"$pointers") Git LFS objects"
    if command -v git-lfs >/dev/null; then
        # Without the filters of this repository, git-lfs fetches the objects and leaves the pointers.
        git lfs install --local --skip-repo >/dev/null
        git lfs pull origin </dev/null || :
        check_source_size
        list_lfs_pointers >"$pointers"
        [ -s "$pointers" ] || return 0
    else
        echo 'The builder image has no Git LFS; an operator adds it with: hearthd image bootstrap builder' >&2
    fi
    shown=$(head -n 3 "$pointers" | add_prefix "$1" | paste -s -d ' ')
    fail_fetch "Git LFS objects could not be fetched: $(wc -l <"$pointers") files are only pointers, such as $shown."
}
