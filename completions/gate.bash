# Completions of gate for bash, as `gate completions bash` prints them.
#
# gate says what can stand at the cursor. Nothing of its answer is evaluated: it is read line by
# line, and every word in it is plain.

_gate() {
  local cur=${2-} said line kind
  local -a words about
  COMPREPLY=()
  # Neither an alias nor a function, and never a file that the line names: the one on PATH.
  said=$(command gate __complete bash -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null </dev/null) || return 0
  kind=${said%%$'\n'*}
  case $kind in
    files) compopt -o default +o nosort 2>/dev/null ;;
    folders) compopt -o dirnames +o nosort 2>/dev/null ;;
    "command "*) __gate_command "$((${kind#command } + 1))" "$cur" "${3-}" ;;
    words)
      [[ $said == *$'\n'* ]] || return 0
      while IFS= read -r line; do
        words+=("${line%%$'\t'*}")
        if [[ $line == *$'\t'* ]]; then about+=("${line#*$'\t'}"); else about+=(""); fi
      done <<<"${said#*$'\n'}"
      __gate_words
      ;;
  esac
}

# Offers what stands in `words`. What each is stands beside it only where bash lists and inserts
# nothing but what they have in common: at the second tab.
__gate_words() {
  local index longest=0 line
  COMPREPLY=("${words[@]}")
  case ${COMP_TYPE-} in 33 | 63 | 64) ;; *) return 0 ;; esac
  ((${#words[@]} > 1)) || return 0
  for index in "${!words[@]}"; do
    if ((${#words[index]} > longest)); then longest=${#words[index]}; fi
  done
  for index in "${!words[@]}"; do
    [[ ${about[index]} ]] || continue
    printf -v line '%-*s  (%s)' "$longest" "${words[index]}" "${about[index]}"
    COMPREPLY[index]=${line:0:${COLUMNS:-80}-1}
  done
}

# __gate_command INDEX CURRENT PREVIOUS: completes the command that begins with that word, as bash
# would complete it by itself.
__gate_command() {
  local at=$1 cur=$2 prev=$3 index name each spec=""
  local COMP_LINE=$COMP_LINE COMP_POINT=$COMP_POINT COMP_CWORD=$((COMP_CWORD - at))
  for ((index = 0; index < at; index++)); do
    each=${COMP_WORDS[index]}
    while [[ $COMP_LINE && ${COMP_LINE:0:${#each}} != "$each" ]]; do
      COMP_LINE=${COMP_LINE:1}
      ((COMP_POINT--))
    done
    COMP_LINE=${COMP_LINE:${#each}}
    ((COMP_POINT -= ${#each}))
  done
  while [[ $COMP_LINE == [[:blank:]]* ]]; do
    COMP_LINE=${COMP_LINE:1}
    ((COMP_POINT--))
  done
  local -a COMP_WORDS=("${COMP_WORDS[@]:at}")
  compopt +o nosort 2>/dev/null
  name=${COMP_WORDS[0]}
  if ((COMP_CWORD == 0)); then
    compopt -o filenames 2>/dev/null
    while IFS= read -r each; do
      # gate runs programs, and no builtin, function or alias.
      [[ $each == */* ]] || type -P -- "$each" >/dev/null || continue
      COMPREPLY+=("$each")
    done < <(compgen -c -- "$cur")
    return 0
  fi
  if __gate_spec "$name"; then
    __gate_as_specified "$name" "$cur" "$prev"
  else
    compopt -o bashdefault -o default 2>/dev/null
  fi
}

# Finds how a command is completed, and leaves that in `spec`. What loads completions when they
# are first needed (bash-completion) says by 124 that it has.
__gate_spec() {
  local name=$1 base=${1##*/} loader
  spec=$(complete -p -- "$name" 2>/dev/null || complete -p -- "$base" 2>/dev/null) && return 0
  loader=$(complete -p -D 2>/dev/null) || return 1
  loader=${loader#*-F }
  loader=${loader%% *}
  declare -F -- "$loader" >/dev/null || return 1
  "$loader" "$base" "" "$base" >/dev/null 2>&1
  (($? == 124)) || return 1
  spec=$(complete -p -- "$name" 2>/dev/null || complete -p -- "$base" 2>/dev/null)
}

# Completes as `spec` says, which bash wrote for a shell to read.
__gate_as_specified() {
  local name=$1 cur=$2 prev=$3 function="" program="" each
  local -a rest
  eval "set -- ${spec#complete }"
  while (($# > 1)); do
    case $1 in
      -o)
        compopt -o "$2" 2>/dev/null
        shift
        ;;
      -F)
        function=$2
        shift
        ;;
      -C)
        program=$2
        shift
        ;;
      --) ;;
      *) rest+=("$1") ;;
    esac
    shift
  done
  if [[ $function ]]; then
    declare -F -- "$function" >/dev/null && "$function" "$name" "$cur" "$prev"
  elif [[ $program ]]; then
    while IFS= read -r each; do
      COMPREPLY+=("$each")
    done < <(
      export COMP_LINE COMP_POINT COMP_KEY COMP_TYPE
      eval "$program"' "$name" "$cur" "$prev"' 2>/dev/null </dev/null
    )
  else
    while IFS= read -r each; do
      COMPREPLY+=("$each")
    done < <(compgen "${rest[@]}" -- "$cur")
  fi
}

complete -o nosort -F _gate gate 2>/dev/null || complete -F _gate gate
