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
function __gate_first --on-event fish_prompt
    test "$PATH[1]" = "$__gate_shims"; and return 0
    __gate_put_first
    if not set -q __gate_said
        set -g __gate_said 1
        echo "gate: something had put other folders before the shims on PATH; they are first again" >&2
    end
end
__gate_put_first
