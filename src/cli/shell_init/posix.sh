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
