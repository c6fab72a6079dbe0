# gate: its shims come first on PATH. Written by `gate shell-init`.
typeset -g __gate_shims=@FOLDER@
__gate_put_first() {
  emulate -L zsh
  path=("$__gate_shims" "${(@)path:#$__gate_shims}")
  export PATH
}
__gate_whole() {
  emulate -L zsh
  local each
  for each in "$__gate_shims"/*(N@); do
    [[ -x $each ]] && continue
    print -r -u2 -- "gate: $each leads to a gate that is gone, so the tool runs without it: install gate again, or run gate shim install"
    return 0
  done
}
__gate_first() {
  emulate -L zsh
  rehash
  __gate_whole
  [[ $PATH == "$__gate_shims" || $PATH == "$__gate_shims":* ]] && return 0
  __gate_put_first
  # Behind what came after it.
  precmd_functions=(${precmd_functions:#__gate_first} __gate_first)
  case ${__gate_said-} in
    '')
      typeset -g __gate_said=1
      print -r -u2 -- "gate: something had put other folders before the shims on PATH; they are first again"
      ;;
    1)
      typeset -g __gate_said=2
      print -r -u2 -- "gate: other folders came before the shims on PATH again; from now on that is mended at each prompt without a word"
      ;;
  esac
}
__gate_whole
rehash
__gate_put_first
typeset -ga precmd_functions
# Last, after what other tools change at each prompt.
case " ${precmd_functions[*]-} " in
  *" __gate_first "*) ;;
  *) precmd_functions+=(__gate_first) ;;
esac
