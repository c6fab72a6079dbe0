# shellcheck shell=bash
# Sourced by tests/run: bounded phases, the clean-up behind them, the closing summary.

run_dir=
phase_pid=
phase_names=()
phase_results=()
phase_seconds=()
failed=no

# Makes this run's own temporary folder. Everything the tests start inherits it as TMPDIR, which is
# how end_run recognises what they left behind. PostgreSQL runs as another user and must be able to
# pass through; Unix socket paths end at 107 bytes, so the name is short.
begin_run() {
  run_dir=$(mktemp -d "${TMPDIR:-/tmp}/gate-XXXXXX")
  chmod 711 "$run_dir"
  mkdir -m 711 "$run_dir/t"
  export TMPDIR=$run_dir/t
  trap end_run EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  trap 'exit 129' HUP
}

# Prints the ids of processes whose environment or command line names this run's folder, except us.
processes_of_this_run() {
  local dir pid
  for dir in /proc/[0-9]*; do
    pid=${dir#/proc/}
    [ "$pid" != "$$" ] && [ "$pid" != "$BASHPID" ] || continue
    # A process may end while it is looked at.
    if tr '\0' '\n' <"$dir/environ" 2>/dev/null | grep -qF "$run_dir/t" ||
      tr '\0' '\n' <"$dir/cmdline" 2>/dev/null | grep -qF "$run_dir/t"; then
      printf '%s\n' "$pid"
    fi
  done 2>/dev/null || true
}

end_run() {
  local code=$? pid left
  trap - EXIT INT TERM HUP
  if [ -n "$phase_pid" ]; then
    # timeout(1) leads the process group of its phase.
    kill -TERM -- "-$phase_pid" 2>/dev/null || true
    for _ in 1 2 3 4 5 6 7 8 9 10; do
      kill -0 -- "-$phase_pid" 2>/dev/null || break
      sleep 0.2
    done
    kill -KILL -- "-$phase_pid" 2>/dev/null || true
  fi
  left=$(processes_of_this_run)
  for pid in $left; do
    [ ! -r "/proc/$pid/cmdline" ] || printf 'tests/run: ending process %s that was left behind: %s\n' \
      "$pid" "$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | cut -c1-200)" >&2
    kill -KILL "$pid" 2>/dev/null || true
  done
  [ -z "$run_dir" ] || rm -rf -- "$run_dir"
  exit "$code"
}

# phase NAME SECONDS COMMAND...: runs the command with a time limit, shows and keeps its output, and
# goes on with the next phase whatever comes of it.
phase() {
  local name=$1 limit=$2 log=$run_dir/phase-${#phase_names[@]}.log rc=0 started=$SECONDS follower
  shift 2
  say "$name"
  # The shell makes a background command ignore SIGINT, and a CI runner may have it ignore others;
  # tests of signals must start from what is usual.
  : >"$log"
  env --default-signal timeout --kill-after=20 "$limit" "$@" >"$log" 2>&1 &
  phase_pid=$!
  tail -n +1 -s 0.2 -f --pid="$phase_pid" "$log" &
  follower=$!
  wait "$phase_pid" || rc=$?
  phase_pid=
  wait "$follower" || true
  phase_names+=("$name")
  phase_seconds+=($((SECONDS - started)))
  case $rc in
    0) phase_results+=(ok) ;;
    124 | 137) phase_results+=("FAILED: no end after $limit s") failed=yes ;;
    *) phase_results+=("FAILED: exit $rc") failed=yes ;;
  esac
}

# A test that is skipped proves nothing, so an ignored one fails the run.
refuse_ignored_tests() {
  local ignored
  ignored=$(cat "$run_dir"/phase-*.log | { grep -E '^test .* \.\.\. ignored' || true; })
  [ -z "$ignored" ] || {
    printf '\ntests/run: ignored tests are not accepted:\n%s\n' "$ignored" >&2
    failed=yes
  }
}

summarize() {
  local i passed broken
  passed=$(cat "$run_dir"/phase-*.log | { grep -E '^test result:' || true; } |
    awk '{ ok += $4; bad += $6 } END { printf "%d passed, %d failed", ok, bad }')
  say "summary"
  for i in "${!phase_names[@]}"; do
    printf '%-32s %5d s  %s\n' "${phase_names[$i]}" "${phase_seconds[$i]}" "${phase_results[$i]}"
  done
  printf 'Rust tests: %s; %d s in all\n' "$passed" "$SECONDS"
  broken=$(cat "$run_dir"/phase-*.log | { grep -E '^test .* \.\.\. FAILED' || true; } | sort -u)
  [ -z "$broken" ] || printf '%s\n' "$broken"
  if [ "$failed" = yes ]; then
    printf 'tests/run: FAILED\n'
    exit 1
  fi
  printf 'tests/run: all passed\n'
}
