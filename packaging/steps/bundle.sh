# shellcheck shell=bash
# Sourced by packaging/dist: the tarball and the Debian package.

# put MODE FILE... FOLDER: copies files, with a mode that is not that of this work tree.
put() {
  local mode=$1 folder=${*: -1}
  shift
  install -d "$folder"
  install -m "$mode" -- "${@:1:$#-1}" "$folder/"
}

# write_tarball FILE
write_tarball() {
  local tree=$stage/$name
  put 755 "$stage/$triple/release/gate" "$stage/$triple/release/gate-shim" "$tree"
  put 644 README.md CHANGELOG.md LICENSE "$tree"
  put 644 "$stage/third-party-licenses.txt" "$tree"
  put 644 docs/*.md "$tree/docs"
  put 644 docs/man/*.1 "$tree/man/man1"
  put 644 completions/* "$tree/completions"
  put 644 packaging/gate-server.service packaging/server.toml "$tree/systemd"
  put 644 examples/systemd/* "$tree/systemd/user"
  put 644 examples/*.toml "$tree/examples"
  put 644 examples/tools.d/*.toml "$tree/examples/tools.d"
  put 644 examples/github-action/*.yml "$tree/examples/github-action"
  put 755 examples/github-action/set-up.sh "$tree/examples/github-action"
  put 644 examples/gitlab/*.yml "$tree/examples/gitlab"
  tar --create --directory="$stage" --sort=name --format=gnu --mtime="@$SOURCE_DATE_EPOCH" \
    --owner=0 --group=0 --numeric-owner "$name" | gzip -9n >"$1"
  ls -l "$1"
}

# The list of what is in it stands in Cargo.toml; programs, and what is made here, lie in a folder
# that cargo-deb takes for the target folder.
write_package() {
  local made=$stage/$triple/release package options=()
  {
    printf 'gate (%s-1) unstable; urgency=medium\n\n' "$version"
    printf '  * See /usr/share/doc/gate/changelog.gz.\n\n'
    printf ' -- %s  %s\n' "$(maintainer)" "$(date -u -R -d "@$SOURCE_DATE_EPOCH")"
  } | gzip -9n >"$made/changelog.Debian.gz"
  gzip -9nc CHANGELOG.md >"$made/changelog.gz"
  gzip -9nc "$stage/third-party-licenses.txt" >"$made/third-party-licenses.txt.gz"
  # Nobody keeps what is packed to test the packing.
  [ "$dynamic" = no ] || options+=(--fast)
  CARGO_TARGET_DIR=$stage "$tools/bin/cargo-deb" deb --quiet --locked --no-build --no-strip "${options[@]}" \
    --target "$triple" --output "$dist/"
  package=$(echo "$dist"/*.deb)
  [ -f "$package" ] || die "cargo-deb made no package, or several"
  ls -l "$package"
}

maintainer() {
  cargo metadata --locked --no-deps --format-version 1 |
    jq -er '.packages[] | select(.name == "gate") | .metadata.deb.maintainer'
}
