# Puts the look at each prompt behind what came after it.
__gate_go_last() {
  local text line=$'\n'
  local -a rest=()
  if [ -z "${PROMPT_COMMAND[1]+is set}" ]; then
    text=${PROMPT_COMMAND//"$line"__gate_first/}
    text=${text//__gate_first"$line"/}
    text=${text//__gate_first/:}
    [ "$text" != : ] || text=
    PROMPT_COMMAND=${text:+$text$line}__gate_first
    return 0
  fi
  for text in "${PROMPT_COMMAND[@]}"; do
    text=${text//__gate_first/:}
    [ "$text" = : ] || rest+=("$text")
  done
  PROMPT_COMMAND=("${rest[@]}" __gate_first)
}
__gate_first() {
  hash -r 2>/dev/null || :
  __gate_whole
  case $PATH in
    "$__gate_shims" | "$__gate_shims":*) return 0 ;;
  esac
  __gate_put_first
  __gate_go_last
  case ${__gate_said-} in
    '') __gate_said=1 && printf '%s\n' "gate: something had put other folders before the shims on PATH; they are first again" >&2 ;;
    1) __gate_said=2 && printf '%s\n' "gate: other folders came before the shims on PATH again; from now on that is mended at each prompt without a word" >&2 ;;
  esac
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
