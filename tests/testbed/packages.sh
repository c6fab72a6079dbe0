# shellcheck shell=bash
# Sourced by tests/run: Debian and Ubuntu packages, only those whose program is missing.

# as_root COMMAND...: runs as root, by sudo where we are not.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    # In CI nobody can type a password.
    if [ -n "${CI:-}" ]; then sudo -n -- "$@"; else sudo -- "$@"; fi
  else
    die "this needs root, and sudo is not here. As root, run: $*"
  fi
}

# apt_get LIMIT ARGUMENTS...: waits for another apt that holds the lock, but not for ever.
apt_get() {
  local limit=$1
  shift
  as_root env DEBIAN_FRONTEND=noninteractive timeout --kill-after=20 "$limit" apt-get -q \
    -o DPkg::Lock::Timeout=400 -o Acquire::Retries=3 "$@"
}

postgres_version=15
postgres_present() { [ -x "/usr/lib/postgresql/$postgres_version/bin/initdb" ] && command -v psql >/dev/null; }
venv_present() { /usr/bin/python3 -c 'import ensurepip, venv' 2>/dev/null; }

# install_apt PACKAGE...: the package lists are fetched only when apt cannot do it with those it has.
install_apt() {
  [ $# -gt 0 ] || return 0
  command -v apt-get >/dev/null || die "apt-get is not here; install by hand: $*"
  echo "installing: $*"
  local options=(install -y --no-install-recommends -o Dpkg::Options::=--force-confold)
  apt_get 900 "${options[@]}" "$@" >"$run_dir/apt.log" 2>&1 && return 0
  apt_get 600 update >>"$run_dir/apt.log" 2>&1 || true
  apt_get 900 "${options[@]}" "$@" >>"$run_dir/apt.log" 2>&1 && return 0
  tail -n 30 "$run_dir/apt.log" >&2
  die "cannot install: $*"
}

# Makes the package of the server known to apt: Debian 12 has it; for every other release of Debian and
# Ubuntu the PostgreSQL project has, and its own postgresql-common brings the key and the address.
provide_postgres() {
  local package=postgresql-$postgres_version
  ! apt-cache show "$package" >/dev/null 2>&1 || return 0
  install_apt postgresql-common ca-certificates
  echo "adding the PostgreSQL project's package source, since this release has no $package"
  as_root /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y >"$run_dir/pgdg.log" 2>&1 ||
    apt-cache show "$package" >/dev/null 2>&1 || {
    tail -n 20 "$run_dir/pgdg.log" >&2
    die "cannot add https://apt.postgresql.org; install $package by hand"
  }
}

install_packages() {
  local missing=() pair
  # The left side is the program that tells whether the package on the right is needed.
  for pair in git:git tmux:tmux strace:strace faketime:faketime gnome-keyring-daemon:gnome-keyring dbus-daemon:dbus \
    dbus-send:dbus secret-tool:libsecret-tools keyctl:keyutils setsid:util-linux xz:xz-utils \
    flock:util-linux cc:gcc zsh:zsh fish:fish elvish:elvish shellcheck:shellcheck jq:jq promtool:prometheus \
    strip:binutils systemd-analyze:systemd node:nodejs npm:npm chromium:chromium \
    haproxy:haproxy rbenv:rbenv sqlite3:sqlite3; do
    command -v "${pair%%:*}" >/dev/null || [ -x "/usr/sbin/${pair%%:*}" ] || missing+=("${pair#*:}")
  done
  [ -r /usr/share/bash-completion/bash_completion ] || missing+=(bash-completion)
  venv_present || missing+=(python3-venv)
  # Without a font a page is drawn as boxes.
  [ -e /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf ] || missing+=(fonts-dejavu-core)
  install_apt "${missing[@]}"
  if ! postgres_present; then
    # Debian's package would make a cluster and start it as a service; the tests make their own.
    if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
      as_root mkdir -p /etc/postgresql-common
      echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
    fi
    command -v apt-cache >/dev/null || die "apt is not here; install PostgreSQL's server by hand"
    provide_postgres
    install_apt "postgresql-$postgres_version"
  fi
}

# MariaDB's server and client stay in the testbed: as packages they would put out any MySQL that is
# here, and another `mysql` on PATH. What they link against comes from the machine's own release.
install_mariadb() {
  local into=$testbed/mariadb
  if [ ! -e "$into/.installed" ]; then
    echo "unpacking MariaDB's server and client"
    rm -rf "$into"
    bookworm_unpack "$into" mariadb-server-core mariadb-client-core
    touch "$into/.installed"
  fi
  set -- "$into/usr/sbin/mariadbd" "$into/usr/bin/mariadb"
  [ -n "$(missing_libraries "$@")" ] || return 0
  install_apt libedit2 libmariadb3 libncurses6 libnuma1 libpcre2-8-0 liburing2
  [ -z "$(missing_libraries "$@")" ] || die "MariaDB of Debian 12 does not start here: $(missing_libraries "$@")"
}

# Prints which libraries of these programs are not here.
missing_libraries() {
  ldd "$@" | grep 'not found' || true
}

# Tests give a command an /etc and a disk of its own by a mount namespace: root's own, or for anybody
# else one inside a user namespace, which some systems do not allow.
require_namespaces() {
  local options=-Urm said
  [ "$(id -u)" != 0 ] || options=-m
  said=$(unshare "$options" mount -t tmpfs none /mnt 2>&1) && return 0
  die "tests need a mount namespace, and this user may not have one: $said
Run tests/run as root; on Ubuntu 23.10 and newer this does too: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
}
