# gate: its shims come first on PATH. Written by `gate shell-init`.
typeset -g __gate_shims=@FOLDER@
__gate_put_first() {
  emulate -L zsh
  path=("$__gate_shims" "${(@)path:#$__gate_shims}")
  export PATH
}
__gate_first() {
  emulate -L zsh
  [[ $PATH == "$__gate_shims" || $PATH == "$__gate_shims":* ]] && return 0
  __gate_put_first
  if [[ -z ${__gate_said-} ]]; then
    typeset -g __gate_said=1
    print -r -u2 -- "gate: something had put other folders before the shims on PATH; they are first again"
  fi
}
__gate_put_first
typeset -ga precmd_functions
# Last, after what other tools change at each prompt.
case " ${precmd_functions[*]-} " in
  *" __gate_first "*) ;;
  *) precmd_functions+=(__gate_first) ;;
esac
