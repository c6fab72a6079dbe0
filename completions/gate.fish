# Completions of gate for fish, as `gate completions fish` prints them.
#
# gate says what can stand at the cursor. Nothing of its answer is evaluated: fish reads it line by
# line, and every word in it is plain.

function __gate_complete
    set -l words (commandline -opc)
    set -e words[1]
    set -l current (commandline -ct)
    # Neither a function, and never a file that the line names: the one on PATH.
    set -l said (command gate __complete fish -- $words "$current" 2>/dev/null </dev/null)
    or return
    # Behind `--rules=` stands a name of its own.
    set -l before (string match -r -- '^-[^=]*=' "$current")
    set -l begun (string replace -r -- '^-[^=]*=' '' "$current")
    switch "$said[1]"
        case words
            set -e said[1]
            test (count $said) -gt 0
            and printf '%s\n' $said
        case files
            # A command that fish knows nothing of has files for words.
            for each in (complete -C "__gate_files $begun")
                printf '%s\n' "$before$each"
            end
        case folders
            for each in (__fish_complete_directories "$begun" '')
                printf '%s\n' "$before$each"
            end
        case 'command *'
            set -l from (math 1 + (string replace 'command ' '' -- $said[1]))
            if test $from -gt (count $words)
                __gate_programs "$current"
            else
                complete -C (string join ' ' -- (string escape -- $words[$from..-1]) "$current")
            end
    end
end

# gate runs programs, and no builtin, function or alias.
function __gate_programs
    for each in (complete -C "$argv[1]")
        set -l name (string split -m 1 \t -- $each)[1]
        if string match -q '*/*' -- $name; or command -sq -- $name
            printf '%s\n' $each
        end
    end
end

complete -c gate -e
complete -c gate -k -f -a '(__gate_complete)'
