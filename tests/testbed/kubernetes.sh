# shellcheck shell=bash
# Sourced by tests/run: a real kube-apiserver and etcd, and kubectl where the machine has none.
# Debian 12 carries the whole source tree of Kubernetes with its dependencies, so the server can be
# built without network access beyond Debian's mirror.

kube_version=1.20.2
# The packed binary that a folder of prebuilt tools may hold: built by build_kube_apiserver on amd64.
kube_packed_name=kube-apiserver-$kube_version-linux-amd64.xz
kube_packed_sha256=f6a1177216fe000294c6026b752ff0c146204556719ea78f956e281e5661d9b6

install_kubernetes() {
  if ! command -v kubectl >/dev/null && [ ! -x "$testbed/bin/kubectl" ]; then
    echo "unpacking kubectl from Debian's kubernetes-client"
    bookworm_unpack "$run_dir/kubernetes-client" kubernetes-client
    place "$run_dir/kubernetes-client/usr/bin/kubectl" kubectl
  fi
  if ! command -v etcd >/dev/null && [ ! -x "$testbed/bin/etcd" ]; then
    echo "unpacking etcd from Debian's etcd-server"
    bookworm_unpack "$run_dir/etcd-server" etcd-server
    place "$run_dir/etcd-server/usr/bin/etcd" etcd
  fi
  install_kube_apiserver
}

# place FILE NAME: puts a program into the testbed in one step, so that a killed run leaves no half.
place() {
  install -m 755 "$1" "$testbed/bin/$2.new"
  mv "$testbed/bin/$2.new" "$testbed/bin/$2"
}

install_kube_apiserver() {
  local packed
  if [ -n "${GATE_KUBE_APISERVER:-}" ]; then
    [ -x "$GATE_KUBE_APISERVER" ] || die "GATE_KUBE_APISERVER names \`$GATE_KUBE_APISERVER\`, which cannot be run"
    ln -sfn "$(realpath "$GATE_KUBE_APISERVER")" "$testbed/bin/kube-apiserver"
    return
  fi
  [ ! -x "$testbed/bin/kube-apiserver" ] || return 0
  if packed=$(packed_kube_apiserver); then
    echo "unpacking kube-apiserver $kube_version"
    xz -dc "$packed" >"$run_dir/kube-apiserver"
    place "$run_dir/kube-apiserver" kube-apiserver
    return
  fi
  build_kube_apiserver
}

# Prints the path of a packed kube-apiserver with the digest that we know, if there is one: in
# GATE_PREBUILT, or in a folder `real` of a neighbour of this checkout.
packed_kube_apiserver() {
  local candidate
  [ "$(uname -m)" = x86_64 ] || return 1
  for candidate in ${GATE_PREBUILT:+"$GATE_PREBUILT/$kube_packed_name"} "$root"/../*/real/"$kube_packed_name"; do
    [ -r "$candidate" ] || continue
    if echo "$kube_packed_sha256  $candidate" | sha256sum --check --status; then
      echo "$candidate"
      return 0
    fi
    echo "tests/run: $candidate is not the build that is pinned; passed over" >&2
  done
  return 1
}

# About ten CPU minutes and 3 GB of disk while it runs; 110 MB stay. Once for each testbed.
build_kube_apiserver() {
  local work=$testbed/kube-build log=$testbed/kube-build.log
  echo "building kube-apiserver $kube_version from Debian's source (about ten CPU minutes, once; log: $log)"
  local needed=() tool
  for tool in make rsync; do command -v "$tool" >/dev/null || needed+=("$tool"); done
  install_apt "${needed[@]}"
  rm -rf "$work"
  mkdir -p "$work/home" "$work/gopath/src/k8s.io"
  bookworm_unpack "$work/root" golang-1.19-go golang-1.19-src
  (cd "$work" && bookworm_apt 900 source --download-only kubernetes && tar xzf kubernetes_*.orig.tar.gz) \
    >"$log" 2>&1 || die "cannot fetch the source of kubernetes; see $log"
  ln -s "$work/kubernetes-$kube_version" "$work/gopath/src/k8s.io/kubernetes"
  local go=$work/root/usr/lib/go-1.19
  # Debian's go finds its sources through /usr/share, which is inside the unpacked tree here.
  relink_go "$work/root"
  (
    cd "$work/gopath/src/k8s.io/kubernetes"
    env -i HOME="$work/home" PATH="$go/bin:/usr/local/bin:/usr/bin:/bin" TMPDIR="$work/home" \
      GOROOT="$go" GOPATH="$work/gopath" GOPROXY=off GOFLAGS= CGO_ENABLED=0 \
      KUBE_GIT_VERSION="v$kube_version" KUBE_GIT_COMMIT=debian KUBE_GIT_TREE_STATE=clean \
      KUBE_GIT_MAJOR=1 KUBE_GIT_MINOR=20 \
      timeout --kill-after=20 3000 make WHAT=cmd/kube-apiserver
  ) >>"$log" 2>&1 || {
    tail -n 30 "$log" >&2
    die "cannot build kube-apiserver; see $log"
  }
  place "$work/gopath/src/k8s.io/kubernetes/_output/bin/kube-apiserver" kube-apiserver
  chmod -R u+w "$work"
  rm -rf "$work"
}

# relink_go ROOT: points the absolute links of the unpacked Go packages into the unpacked tree.
relink_go() {
  local link to
  find "$1/usr/lib/go-1.19" -type l | while read -r link; do
    to=$(readlink "$link")
    case $to in
      /*) ln -sfn "$1$to" "$link" ;;
    esac
  done
}
