#compdef hearth
_hearth() {
    local -a lines values folders shown
    local line
    lines=("${(@f)$(command hearth completion zsh -- "${(@)words[1,CURRENT-1]}" "$PREFIX" 2>/dev/null)}")
    for line in "${(@)lines:#}"; do
        if [[ $line == */ ]]; then
            folders+=("$line")
        else
            values+=("${line%%$'\t'*}")
            shown+=("${line/$'\t'/  -- }")
        fi
    done
    (( $#values )) && compadd -l -V hearth -d shown -a values
    (( $#folders )) && compadd -S '' -V folders -a folders
    (( $#values + $#folders ))
}
if [[ $funcstack[1] == _hearth ]]; then
    _hearth "$@"
else
    compdef _hearth hearth
fi
