# shellcheck shell=bash
# Sourced by tests/run: rsyslog from Debian 12, unpacked beside the tests, so that the machine's own
# syslog, if it has one, is left alone.

install_rsyslog() {
  local folder=$testbed/rsyslog libraries
  if [ -x "$testbed/bin/rsyslogd" ] && "$testbed/bin/rsyslogd" -v >/dev/null 2>&1; then return 0; fi
  echo "unpacking rsyslog into $folder"
  rm -rf "$folder"
  bookworm_unpack "$folder" rsyslog rsyslog-gnutls libestr0 libfastjson4 liblognorm5
  libraries=$(dirname "$(find "$folder/usr/lib" -name libestr.so.0 | head -n 1)")
  printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s -M %s "$@"\n' \
    "'$libraries'" "'$folder/usr/sbin/rsyslogd'" "'$libraries/rsyslog'" >"$testbed/bin/rsyslogd.new"
  chmod 755 "$testbed/bin/rsyslogd.new"
  mv "$testbed/bin/rsyslogd.new" "$testbed/bin/rsyslogd"
  "$testbed/bin/rsyslogd" -v >/dev/null || die "rsyslog of Debian 12 does not start here"
  # Its part for TLS is loaded only where the settings ask for it.
  [ -z "$(LD_LIBRARY_PATH=$libraries missing_libraries "$libraries/rsyslog/lmnsd_gtls.so")" ] ||
    install_apt libgnutls30
}
