_hearth() {
    local last=${COMP_WORDS[COMP_CWORD]} name
    [[ $last == [:=]* ]] || last=$2
    COMPREPLY=()
    while IFS= read -r name; do
        COMPREPLY+=("$name")
    done < <(command hearth completion bash -- "${COMP_WORDS[@]:0:COMP_CWORD}" "$last" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == */ ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o nosort -F _hearth hearth 2>/dev/null || complete -F _hearth hearth
