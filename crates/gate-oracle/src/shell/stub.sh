#!/bin/sh
# Writes down how it was started. The log is named here because the environment
# may be empty.
log='{log}'/$$
tool=${0##*/}
cwd=$PWD
takes=
[ "$tool" = psql ] && takes=yes
for word; do
    case $tool$word in
    psql-c* | psql-f*) takes= ;;
    kubectl-) takes=yes ;;
    esac
done
{ printf '%s\0' "$cwd" "$tool"; [ $# -eq 0 ] || printf '%s\0' "$@"; } >"$log.argv"
[ -z "$takes" ] || /bin/cat >"$log.stdin"
# The pipe is held until the end: it tells the test that this is over.
exec 9>&1 /bin/cat /proc/self/environ >"$log.env"
