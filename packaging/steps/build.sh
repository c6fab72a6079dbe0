# shellcheck shell=bash
# Sourced by packaging/dist: what the build needs, the build, and a look at what came of it.

cargo_deb=3.8.0
cargo_cyclonedx=0.5.9

install_what_it_needs() {
  local missing=() pair
  command -v cargo >/dev/null || die "cargo is not on PATH; install a Rust toolchain (https://rustup.rs)"
  # The left side is the program that tells whether the package on the right is needed.
  for pair in cc:gcc git:git gzip:gzip jq:jq readelf:binutils sha256sum:coreutils tar:tar xz:xz-utils; do
    command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
  done
  # SQLite and ring have parts in C and assembler; and the license of musl is to be handed on.
  [ "$dynamic" = yes ] || command -v musl-gcc >/dev/null || missing+=(musl-tools)
  install_apt "${missing[@]}"
  [ -n "$given" ] || add_target
  # Both are built for this machine and by their own lock files.
  install_cargo_tool cargo-deb "$cargo_deb"
  install_cargo_tool cargo-cyclonedx "$cargo_cyclonedx"
}

add_target() {
  [ ! -d "$(rustc --print target-libdir --target "$triple")" ] || return 0
  command -v rustup >/dev/null ||
    die "this toolchain has no $triple, and rustup, which would add it, is not here"
  rustup target add "$triple" || die "rustup could not add $triple"
}

# install_cargo_tool NAME VERSION
install_cargo_tool() {
  local name=$1 wanted=$2
  if [ "$(cat "$tools/$name.version" 2>/dev/null)" = "$wanted" ] && [ -x "$tools/bin/$name" ]; then return 0; fi
  echo "installing $name $wanted into $tools"
  rm -f "$tools/$name.version"
  # They run for seconds, so they need not be fast; the longest step of all is to build them.
  CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
    cargo install --quiet --locked --force --root "$tools" --target-dir "$tools/build" \
    --version "$wanted" "$name" || die "cannot install $name $wanted"
  rm -rf -- "$tools/build"
  echo "$wanted" >"$tools/$name.version"
}

build_programs() {
  local flags="-Ctarget-feature=+crt-static" flag shim
  # Paths of this machine say nothing to anybody else, and would make each build another one. The
  # server meets the network, so this program keeps its random addresses.
  for flag in "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo" \
    "--remap-path-prefix=$target=/target" "--remap-path-prefix=$root=/gate"; do
    flags+=$'\x1f'$flag
  done
  CARGO_ENCODED_RUSTFLAGS=$flags CC_x86_64_unknown_linux_musl=musl-gcc \
    cargo build --release --locked --target "$triple" -p gate --bin gate
  shim=$(packaging/shim "$target/$triple/release/gate")
  install -m 755 "$shim" "$target/$triple/release/"
}

# take_programs DIR: looks at both programs, and puts them where cargo-deb looks for them.
take_programs() {
  local program said
  for program in gate gate-shim; do
    [ -x "$1/$program" ] || die "there is no program \`$1/$program\`"
    [ "$dynamic" = yes ] || refuse_dynamic "$1/$program"
    install -m 755 "$1/$program" "$stage/$triple/release/$program"
  done
  said=$("$stage/$triple/release/gate" --version) || die "the gate that was built does not run"
  [ "$said" = "gate $version" ] || die "the gate in $1 says that it is \`$said\`, and this is gate $version"
  # Under its own name it is no shim, says so, and ends with 127.
  said=$("$stage/$triple/release/gate-shim" 2>&1) && die "the gate-shim in $1 ends with 0 under its own name"
  case $said in
    "gate: "*) ;;
    *) die "the gate-shim in $1 does not run: $said" ;;
  esac
  (cd "$stage/$triple/release" && ls -l gate gate-shim)
}

# refuse_dynamic FILE
refuse_dynamic() {
  local headers
  headers=$(readelf --wide --program-headers --dynamic "$1") || die "readelf cannot read $1"
  case $headers in
    *INTERP* | *"(NEEDED)"*) die "$1 is not static: it wants an interpreter or a library" ;;
  esac
}
