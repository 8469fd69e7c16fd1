"""What a shell needs to complete ``gt`` and ``bd``: one short script for each, which asks the program for every word.

A script names no command and no option, so it does not age with the program.  Each was run in its shell; PowerShell's
was not, for want of one.
"""

from __future__ import annotations

BASH = r"""# completion of PROGRAM in bash; source it, or save it in a folder of bash-completion
_PROGRAM_complete() {
    local rest=$COMP_LINE words=() word line value about found=() abouts=() i
    # bash cuts words at = and :, which values such as --rig=shop have inside
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if ((i > 0)) && [[ $rest != [[:space:]]* && ${#words[@]} -gt 0 && -n $rest ]]; then
            words[${#words[@]}-1]+=$word
        else
            words+=("$word")
        fi
        rest=${rest#"${rest%%[![:space:]]*}"}
        rest=${rest#"$word"}
    done
    local current=${words[${#words[@]}-1]}
    current=${current#[\"\']}
    COMPREPLY=()
    while IFS= read -r line; do
        [[ $line == :files ]] && { compopt -o default 2>/dev/null; continue; }
        value=${line%%$'\t'*}
        about=
        [[ $line == *$'\t'* && -n "DESCRIPTIONS" ]] && about=${line#*$'\t'}
        found+=("$value")
        abouts+=("$about")
    done < <(command "${words[0]}" __complete "${words[@]:1:${#words[@]}-2}" ".$current" 2>/dev/null)
    local cut=${current%"${current##*[=:]}"} menu=$((COMP_TYPE == 37 || COMP_TYPE == 42)) width=0
    for value in "${found[@]}"; do ((${#value} > width)) && width=${#value}; done
    for i in "${!found[@]}"; do
        value=${found[i]#"$cut"}
        if ((${#found[@]} > 1 && ! menu)) && [[ -n ${abouts[i]} ]]; then
            printf -v line '%-*s  (%s)' "$((width - ${#cut}))" "$value" "${abouts[i]}"
            COMPREPLY+=("${line:0:${COLUMNS:-80}}")
        else
            COMPREPLY+=("$value")
        fi
    done
}
complete -o nosort -F _PROGRAM_complete PROGRAM 2>/dev/null || complete -F _PROGRAM_complete PROGRAM
"""

ZSH = r"""#compdef PROGRAM
# completion of PROGRAM in zsh; save it as _PROGRAM in a folder of $fpath, or source it after compinit
_PROGRAM() {
    local line value about
    local -a found files
    while IFS= read -r line; do
        if [[ $line == :files ]]; then files=(1); continue; fi
        value=${line%%$'\t'*}
        about=
        [[ $line == *$'\t'* && -n "DESCRIPTIONS" ]] && about=${line#*$'\t'}
        found+=("${value//:/\\:}${about:+:$about}")
    done < <(command ${words[1]} __complete "${(@)words[2,CURRENT-1]}" ".${(Q)PREFIX}" 2>/dev/null)
    (( ${#found} )) && _describe -V -t values 'PROGRAM' found
    (( ${#files} )) && _files
    return 0
}
# autoloaded from $fpath this text is the function's first run; sourced it only defines it
if [[ $funcstack[1] == _PROGRAM ]]; then _PROGRAM "$@"; else compdef _PROGRAM PROGRAM; fi
"""

FISH = r"""# completion of PROGRAM in fish; save it as PROGRAM.fish in ~/.config/fish/completions
function __PROGRAM_complete
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    for line in (command $before[1] __complete $before[2..-1] ".$current" 2>/dev/null)
        if test "$line" = ":files"
            __fish_complete_path "$current"
        else if test -n "DESCRIPTIONS"
            echo $line
        else
            string split -m1 -f1 \t -- $line
        end
    end
end
complete -c PROGRAM -f -k -a '(__PROGRAM_complete)'
"""

POWERSHELL = r"""# completion of PROGRAM in PowerShell; add it to $PROFILE
Register-ArgumentCompleter -Native -CommandName PROGRAM -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $before = @($commandAst.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { $_.ToString() })
    & PROGRAM __complete @before ".$wordToComplete" 2>$null | ForEach-Object {
        if ($_ -eq ':files') { return }
        $value, $about = $_ -split "`t", 2
        if (-not $about -or -not 'DESCRIPTIONS') { $about = $value }
        [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $about)
    }
}
"""

SHELLS = {"bash": BASH, "zsh": ZSH, "fish": FISH, "powershell": POWERSHELL}


def script_of(shell: str, program: str, *, descriptions: bool = True) -> str:
    """Return the script that completes ``program`` in a shell of ``SHELLS``, with or without what each value means."""
    return SHELLS[shell].replace("DESCRIPTIONS", "yes" if descriptions else "").replace("PROGRAM", program)
