# Fetches one commit: ADDRESS COMMIT FOLDER NAME... Without an address the folder has been unpacked already.
set -eu
url=$1 commit=$2 folder=$3
shift 3
if [ -n "$url" ]; then
    rm -rf "$folder"
    mkdir -p "$folder"
    cd "$folder"
    git init --quiet --template= .
    tries=0
    until git fetch --quiet --depth 1 --no-tags --no-recurse-submodules --no-auto-maintenance -- "$url" "$commit"; do
        tries=$((tries + 1))
        if [ "$tries" -ge 3 ]; then exit 71; fi
        sleep 2
    done
    git checkout --quiet --detach FETCH_HEAD
    rm -rf .git
fi
cd "$folder"

# Report the names at the top and the relevant files, each name and text in base64, so that they are data.
ls -A | head -n 200 | while IFS= read -r name; do
    printf 'hearth-name %s\n' "$(printf %s "$name" | base64 -w 0)"
done
for name in "$@"; do
    if [ -f "$name" ] && [ ! -L "$name" ]; then
        printf 'hearth-file %s\n' "$name"
        head -c 262145 -- "$name" | base64 -w 4000 | sed 's/^/hearth-text /'
    fi
done
echo hearth-end
