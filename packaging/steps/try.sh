# shellcheck shell=bash
# Sourced by packaging/dist: uses programs as somebody does who has just installed them.

# try_programs DIR: with the gate-shim that lies there, or without one, puts a shim in front of a tool; has it
# run what is allowed, and hold what is not.
try_programs() {
  local from home=$run_dir/tried leads=gate said
  if [ -e /etc/gate ]; then
    echo "$1: not tried, because the rules in /etc/gate decide here"
    return
  fi
  from=$(realpath "$1")
  rm -rf -- "$home"
  mkdir -p "$home/shims" "$home/bin"
  # shellcheck disable=SC2016 # it is the tool that reads its words
  printf '#!/bin/sh\necho "the tool: $*"\n' >"$home/bin/kubectl"
  chmod 755 "$home/bin/kubectl"
  said=$(as_user "$from/gate" shim install --dir "$home/shims" kubectl 2>&1) ||
    die "the gate in $1 installs no shim: $said"
  case $said in
    *"there is no \`gate-shim\`"*) [ ! -e "$from/gate-shim" ] || die "the gate in $1 does not find its gate-shim" ;;
    *) leads=gate-shim ;;
  esac
  [ "$(readlink "$home/shims/kubectl")" = "$from/$leads" ] ||
    die "the shim leads to $(readlink "$home/shims/kubectl"), not to $from/$leads"
  # What was written this very moment is not compiled.
  for _ in 1 2 3 4 5 6 7 8 9; do
    ! as_user "$from/gate" rules compile >/dev/null 2>&1 || break
    sleep 0.1
  done
  said=$(as_user kubectl get pods 2>&1) || die "what is allowed does not run by a shim: $said"
  [ "$said" = "the tool: get pods" ] || die "what is allowed is not what ran by a shim: $said"
  # gate keeps its own records elsewhere.
  [ $leads = gate ] || [ -s "$home/.local/state/gate/spool/allowed" ] ||
    die "the gate-shim in $1 did not decide by itself"
  ! said=$(as_user kubectl delete namespace prod 2>&1) || die "what asks has run: $said"
  case $said in
    *"the tool"*) die "what asks has run: $said" ;;
  esac
  echo "$1: a shim leads to $leads, and does as it should"
}

# as_user COMMAND...: with a home of its own and nothing else of this session.
as_user() {
  env -i HOME="$home" PATH="$home/shims:$home/bin:/usr/bin:/bin" "$@" </dev/null
}

# try_cargo_install: what docs/packaging.md says to do with the sources: gate first, which is then alone.
try_cargo_install() {
  local into=$target/dist-installed
  rm -rf -- "$into"
  cargo install --quiet --locked --root "$into" --path . || die "cargo cannot install gate"
  try_programs "$into/bin"
  cargo install --quiet --locked --root "$into" --path crates/gate-shim || die "cargo cannot install gate-shim"
  try_programs "$into/bin"
}
