# gate: its shims come first on PATH. Written by `gate shell-init`.
set -g __gate_shims @FOLDER@
function __gate_put_first
    set -l rest
    for entry in $PATH
        test "$entry" = "$__gate_shims"; or set -a rest $entry
    end
    set -gx PATH $__gate_shims $rest
    return 0
end
function __gate_whole
    for each in $__gate_shims/*
        if test -L $each; and not test -x $each
            echo "gate: $each leads to a gate that is gone, so the tool runs without it: install gate again, or run gate shim install" >&2
            return 0
        end
    end
    return 0
end
# Looks at each prompt, behind what came after it.
function __gate_go_last
    functions -e __gate_look
    function __gate_look --on-event fish_prompt
        __gate_first
    end
end
function __gate_first
    __gate_whole
    test "$PATH[1]" = "$__gate_shims"; and return 0
    __gate_put_first
    __gate_go_last
    if not set -q __gate_said
        set -g __gate_said 1
        echo "gate: something had put other folders before the shims on PATH; they are first again" >&2
    else if test $__gate_said = 1
        set -g __gate_said 2
        echo "gate: other folders came before the shims on PATH again; from now on that is mended at each prompt without a word" >&2
    end
end
__gate_whole
__gate_put_first
__gate_go_last
