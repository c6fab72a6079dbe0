# shellcheck shell=bash
# Sourced by tests/run: takes packages of Debian 12 by downloading and unpacking, so that no service
# starts, no root is needed, and Ubuntu gets the same versions. Signatures are verified as ever.

bookworm_lists=no
bookworm_dir=

bookworm_mirror() {
  local own=
  if [ -n "${GATE_DEBIAN_MIRROR:-}" ]; then
    echo "$GATE_DEBIAN_MIRROR"
    return
  fi
  # The machine's own mirror may be the only one that it can reach.
  own=$(grep -rhoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null |
    grep -v snapshot | head -n 1 | tr -d ' ') || true
  echo "${own:-http://deb.debian.org/debian}"
}

# bookworm_apt LIMIT ARGUMENTS...: apt-get with sources, lists and caches of our own.
bookworm_apt() {
  local limit=$1
  shift
  timeout --kill-after=20 "$limit" apt-get -q -o DPkg::Lock::Timeout=400 -o Acquire::Retries=3 \
    -o Dir::Etc::sourcelist="$bookworm_dir/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::State::lists="$bookworm_dir/lists" -o Dir::Cache="$bookworm_dir/cache" \
    -o APT::Sandbox::User="$(id -un)" -o Debug::NoLocking=true "$@"
}

bookworm_prepare() {
  [ "$bookworm_lists" = no ] || return 0
  local keyring=/usr/share/keyrings/debian-archive-keyring.gpg mirror
  [ -e "$keyring" ] || install_apt debian-archive-keyring
  bookworm_dir=$run_dir/bookworm
  mkdir -p "$bookworm_dir/lists/partial" "$bookworm_dir/cache/archives/partial"
  mirror=$(bookworm_mirror)
  printf '%s [signed-by=%s] %s bookworm main\n' deb "$keyring" "$mirror" deb-src "$keyring" "$mirror" \
    >"$bookworm_dir/sources.list"
  bookworm_apt 600 update >"$run_dir/bookworm.log" 2>&1 || {
    tail -n 20 "$run_dir/bookworm.log" >&2
    die "cannot read the package lists of Debian 12 from $mirror"
  }
  bookworm_lists=yes
}

# bookworm_unpack FOLDER PACKAGE...
bookworm_unpack() {
  local into=$1 deb
  shift
  bookworm_prepare
  mkdir -p "$into" "$bookworm_dir/debs"
  rm -f "$bookworm_dir"/debs/*.deb
  (cd "$bookworm_dir/debs" && bookworm_apt 900 download "$@") >>"$run_dir/bookworm.log" 2>&1 || {
    tail -n 20 "$run_dir/bookworm.log" >&2
    die "cannot download from Debian 12: $*"
  }
  for deb in "$bookworm_dir"/debs/*.deb; do dpkg -x "$deb" "$into"; done
}
