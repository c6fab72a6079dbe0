# gate: its shims come first on PATH. Written by `gate shell-init`.
__gate_shims=@FOLDER@
__gate_put_first() {
  __gate_rest=:${PATH-}:
  while :; do
    case $__gate_rest in
      *:"$__gate_shims":*)
        __gate_rest=${__gate_rest%%:"$__gate_shims":*}:${__gate_rest#*:"$__gate_shims":}
        ;;
      *) break ;;
    esac
  done
  __gate_rest=${__gate_rest#:}
  __gate_rest=${__gate_rest%:}
  PATH=$__gate_shims${__gate_rest:+:$__gate_rest}
  export PATH
  unset __gate_rest
}
__gate_put_first
__gate_whole() {
  [ -d "$__gate_shims" ] || return 0
  for __gate_each in "$__gate_shims"/*; do
    if [ -L "$__gate_each" ] && ! [ -x "$__gate_each" ]; then
      printf '%s\n' "gate: $__gate_each leads to a gate that is gone, so the tool runs without it: install gate again, or run gate shim install" >&2
      break
    fi
  done
  unset __gate_each
}
__gate_whole
# What this shell has run already it would not look for again.
hash -r 2>/dev/null || :
