# Fetches a source and reports it: ADDRESS COMMIT FOLDER SUBFOLDER BYTES NAME... -- NAME... Without an address the folder
# has been unpacked already. With a subfolder only that is reported. Files with the first names are reported with their
# texts. Needs the functions of git.sh.
set -eu
url=$1 commit=$2 folder=$3 subfolder=$4 max_source_bytes=$5
shift 5
if [ -n "$url" ]; then
    rm -rf "$folder"
    mkdir -p "$folder"
    cd "$folder"
    fetch_repository "$url" "$commit"
    delete_credentials
else
    # An archive contains the times of its files.
    source_time=$(find "$folder" -type f -printf '%T@\n' | LC_ALL=C sort -rn | head -n 1 | cut -d . -f 1)
fi
cd "$folder"
root=$(pwd -P)
if [ -n "$subfolder" ]; then
    case $(realpath -e -- "./$subfolder" 2>/dev/null) in
        "$root"/*) [ -d "./$subfolder" ] || exit 75 ;;
        *) exit 75 ;;
    esac
    cd "./$subfolder"
fi

# True for a file of the source, also behind links that stay inside it: PATH.
is_source_file() {
    [ -f "$1" ] || return 1
    case $(realpath -e -- "$1") in "$root"/*) return 0 ;; *) return 1 ;; esac
}

# Report the names at the top and the relevant files, each name and text in base64, so that they are data.
ls -A | head -n 200 | while IFS= read -r name; do
    kind=name
    if [ -d "$name" ] && [ ! -L "$name" ]; then kind=folder; fi
    printf 'hearth-%s %s\n' "$kind" "$(printf %s "$name" | base64 -w 0)"
done
# Prints the text of a file: PATH.
print_text() {
    head -c 262145 -- "$1" | base64 -w 4000 | sed 's/^/hearth-text /'
}

reads=yes
for name in "$@"; do
    case $name in
        --) reads=no ;;
        *'*'*)
            # The name of each folder is data of the source. The texts of at most 20 files are reported.
            count=0
            for path in "${name%%\**}"*"${name#*\*}"; do
                if is_source_file "$path"; then
                    printf 'hearth-found %s\n' "$(printf %s "$path" | base64 -w 0)"
                    count=$((count + 1))
                    if [ "$reads" = yes ] && [ "$count" -le 20 ]; then print_text "./$path"; fi
                fi
            done
            ;;
        *)
            if is_source_file "$name"; then
                printf 'hearth-file %s\n' "$name"
                if [ "$reads" = yes ]; then print_text "$name"; fi
            fi
            ;;
    esac
done
printf 'hearth-time %s\n' "$source_time"
echo hearth-end
