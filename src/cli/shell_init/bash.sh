__gate_first() {
  case $PATH in
    "$__gate_shims" | "$__gate_shims":*) return 0 ;;
  esac
  __gate_put_first
  if [ -z "${__gate_said-}" ]; then
    __gate_said=1
    printf '%s\n' "gate: something had put other folders before the shims on PATH; they are first again" >&2
  fi
}
case " ${PROMPT_COMMAND[*]-} " in
  *__gate_first*) ;;
  *)
    # Last, after what other tools change at each prompt.
    if [ -n "${PROMPT_COMMAND[1]+is set}" ]; then
      PROMPT_COMMAND+=(__gate_first)
    else
      PROMPT_COMMAND=${PROMPT_COMMAND:+$PROMPT_COMMAND$'\n'}__gate_first
    fi
    ;;
esac
