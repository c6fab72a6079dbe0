# shellcheck shell=bash
# Sourced by packaging/dist: what is in the programs, as an SBOM and as the texts of the licenses.

# Prints `name@version` of each crate that is linked into the programs, on this target and with these
# features: what only builds, tests, or expands into code is not among them.
linked_crates() {
  local package
  for package in gate gate-shim; do
    cargo tree --locked --target "$triple" -p "$package" -e normal,no-proc-macro --prefix none --format '{p}'
  done | sed -E 's/ \(.*//; s/ v/@/' | sort -u
}

# write_sbom FILE: cargo-cyclonedx knows the crates of the whole workspace and what it takes to test
# them; of those the linked ones stay. What no crate tells of is added.
write_sbom() {
  local source=$run_dir/source
  linked_crates >"$stage/linked"
  cargo metadata --locked --filter-platform "$triple" --format-version 1 |
    jq -r '.packages[] | ["\(.name)@\(.version)", (.manifest_path | sub("/Cargo.toml$"; "")), .license // "see its text"] | @tsv' |
    sort >"$stage/packages"
  # It writes beside each manifest, and this tree is not its to write to.
  mkdir "$source"
  tar --create Cargo.toml Cargo.lock src crates tests benches | tar --extract --directory="$source"
  (cd "$source" && "$tools/bin/cargo-cyclonedx" cyclonedx --quiet --format json --spec-version 1.5 \
    --target "$triple" --no-build-deps --override-filename sbom)
  parts_without_crate >"$stage/parts.json"
  jq --rawfile linked "$stage/linked" --slurpfile parts "$stage/parts.json" \
    --arg source "file://$source" --arg version "$version" --argjson epoch "$SOURCE_DATE_EPOCH" \
    --arg gate "$(digest_of gate)" --arg shim "$(digest_of gate-shim)" \
    -f packaging/steps/sbom.jq "$source/sbom.json" >"$1"
  printf '%s: %s components\n' "$1" "$(jq '.components | length' "$1")"
  write_licenses >"$stage/third-party-licenses.txt"
}

digest_of() { sha256sum <"$stage/$triple/release/$1" | cut -d' ' -f1; }

# What is linked in and is no crate: SQLite, which one brings along, and the libraries of the toolchain.
parts_without_crate() {
  local folder sqlite musl
  folder=$(awk -F '\t' '$1 ~ /^libsqlite3-sys@/ { print $2 }' "$stage/packages")
  sqlite=$(sed -nE 's/^#define SQLITE_VERSION +"([0-9.]+)".*/\1/p' "$folder/sqlite3/sqlite3.h")
  part sqlite "$sqlite" blessing
  part rust-std "$(rustc --version | cut -d' ' -f2)" "MIT OR Apache-2.0"
  [ "$dynamic" = no ] || return 0
  # The C library is the toolchain's own; it says its version in one string.
  musl=$(strings "$(rustc --print target-libdir --target "$triple")/self-contained/libc.a" |
    { grep -xE '1\.[0-9]+\.[0-9]+' || true; } | head -n 1)
  part musl "$musl" MIT
}

# part NAME VERSION LICENSE
part() {
  [ -n "$2" ] || die "the version of $1 cannot be told"
  jq -n --arg name "$1" --arg version "$2" --arg license "$3" '{
    type: "library", "bom-ref": "pkg:generic/\($name)@\($version)", name: $name, version: $version,
    scope: "required", licenses: [{expression: $license}], purl: "pkg:generic/\($name)@\($version)"
  }'
}

# The texts that the licenses of what is linked in want to be handed on; one that several have, once.
write_licenses() {
  local crate folder license text key found
  declare -A texts=() holders=()
  echo "What is linked into gate and gate-shim beside their own code, and under which licenses."
  echo
  while IFS=$'\t' read -r crate folder license; do
    case $folder in "$root"*) continue ;; esac
    printf '%s  %s\n' "$crate" "$license"
    found=no
    for text in "$folder"/{LICEN[CS]E,COPYING,COPYRIGHT,NOTICE}*; do
      [ -f "$text" ] || continue
      found=yes
      key=$(sha256sum <"$text")
      texts[$key]=$text
      holders[$key]+=" $crate"
    done
    [ "$found" = yes ] || printf '    (it has no file with the text)\n'
  done < <(join -t $'\t' "$stage/linked" "$stage/packages")
  jq -r '"\(.name)@\(.version)  \(.licenses[0].expression)"' "$stage/parts.json"
  # The toolchain's own page about its library, without what makes it one for browsers.
  folder=$(rustc --print sysroot)/share/doc/rust
  for text in "$folder/COPYRIGHT-library.html" /usr/share/doc/musl-dev/copyright; do
    if [ ! -f "$text" ]; then
      [ "$dynamic" = yes ] || die "$text, which is to be handed on, is not here; install rust-docs or musl-dev"
      continue
    fi
    key=${text##*/}
    texts[$key]=$stage/$key
    sed -E 's/<[^>]*>//g; s/&lt;/</g; s/&gt;/>/g; s/&quot;/"/g; s/&amp;/\&/g' "$text" | cat -s >"$stage/$key"
    case $key in copyright) holders[$key]=" musl" ;; *) holders[$key]=" rust-std" ;; esac
  done
  # By whose they are, so that the order is the same everywhere.
  for key in "${!holders[@]}"; do printf '%s\t%s\n' "${holders[$key]}" "$key"; done | sort |
    while IFS=$'\t' read -r crate key; do
      printf '\n%s\nOf:%s\n\n' "--------------------------------------------------------------------------------" "$crate"
      cat -- "${texts[$key]}"
    done
}
