#!/usr/bin/env bash
# Puts gate in front of the tools of a job of GitHub Actions: action.yml starts it,
# with each input in a variable. What the steps behind it need goes to GITHUB_ENV
# and GITHUB_PATH.
set -euo pipefail
# No input names files of the work folder.
set -o noglob
# The keys and the configuration are this user's alone.
umask 077

refuse() {
  # One line, of which no part is a command of the runner: it comes from an input.
  printf '::error title=gate::%s\n' "$(printf '%s' "$1" | tr -d '\r\n' | sed 's/%/%25/g; s/##/# #/g')"
  exit 78
}

# one_line INPUT VALUE: a second line would be another variable, or another key of the configuration.
one_line() {
  case $2 in
    *$'\n'* | *$'\r'*) refuse "the input \`$1\` has more than one line" ;;
  esac
}

# word INPUT VALUE: what stands between quotes in the configuration.
word() {
  one_line "$1" "$2"
  case $2 in
    *[!A-Za-z0-9._:/+=@%~-]*) refuse "the input \`$1\` has a character in it that none can have" ;;
  esac
}

for_later_steps() {
  printf '%s=%s\n' "$1" "$2" >>"$GITHUB_ENV"
}

word server "$INPUT_SERVER"
word server-key "$INPUT_SERVER_KEY"
word token "$INPUT_TOKEN"
word runner-key "$INPUT_RUNNER_KEY"
word timeout "$INPUT_TIMEOUT"
word version "$INPUT_VERSION"
word sha256 "$INPUT_SHA256"
one_line url "$INPUT_URL"
one_line reason "$INPUT_REASON"

# The same path in each run of the job: PATH is a part of what is approved.
folder=$RUNNER_TEMP/gate
mkdir -p "$folder"

install_release() {
  local archive=$folder/archive unpacked=$folder/release url=${INPUT_URL//'{version}'/$INPUT_VERSION} found
  [[ $INPUT_SHA256 =~ ^[0-9a-f]{64}$ ]] || refuse "with \`version\`, \`sha256\` has to be the SHA-256 of its archive"
  case $url in
    https://* | file://*) ;;
    *) refuse "with \`version\`, \`url\` has to say where its archive is" ;;
  esac
  curl --fail --silent --show-error --location --retry 3 --proto '=https,file' --proto-redir '=https' \
    --output "$archive" -- "$url" || refuse "the archive can't be fetched"
  printf '%s  %s\n' "$INPUT_SHA256" "$archive" | sha256sum --check --status ||
    refuse "the archive is not the one with that SHA-256: nothing is installed"
  rm -rf "$unpacked"
  mkdir "$unpacked"
  tar -xf "$archive" -C "$unpacked" --no-same-owner
  rm "$archive"
  found=$(find "$unpacked" -type f -name gate -perm -u+x)
  case $found in
    "" | *$'\n'*) refuse "the archive has no gate in it, or several" ;;
  esac
  gate=$found
  printf '%s\n' "${gate%/*}" >>"$GITHUB_PATH"
}

if [ -n "$INPUT_VERSION" ]; then
  install_release
else
  gate=$(command -v gate) || refuse "there is no gate on PATH; name a \`version\` to install"
fi

if [ -n "$INPUT_SERVER" ]; then
  [ -n "$INPUT_SERVER_KEY" ] || refuse "with \`server\`, \`server-key\` has to be the key that it signs with"
  {
    printf '[keys]\n"%s" = "%s"\n' "$INPUT_SERVER" "$INPUT_SERVER_KEY"
    if [ -n "$INPUT_TIMEOUT" ]; then printf '[approval]\ntimeout = "%s"\n' "$INPUT_TIMEOUT"; fi
  } >"$folder/config.toml"
  for_later_steps GATE_SERVER "$INPUT_SERVER"
  for_later_steps GATE_CONFIG "$folder/config.toml"
elif [ -n "$INPUT_TIMEOUT" ]; then
  refuse "\`timeout\` needs \`server\`"
fi

# Who asks is bound to what is asked: with a key that is new each time, no run finds the
# answer to the one before. A runner that has its keys keeps them.
if [ -n "$INPUT_RUNNER_KEY" ]; then
  identity=${XDG_STATE_HOME:-$HOME/.local/state}/gate/identity
  if [ ! -e "$identity/runner.key" ]; then
    mkdir -p "$identity"
    printf '%s' "$INPUT_RUNNER_KEY" | base64 --decode >"$folder/keys" 2>/dev/null || refuse "\`runner-key\` is no base64"
    [ "$(wc -c <"$folder/keys")" -eq 64 ] || refuse "\`runner-key\` has to be 64 bytes, in base64"
    head -c 32 "$folder/keys" >"$identity/runner.key"
    tail -c 32 "$folder/keys" >"$identity/commitment.key"
    rm "$folder/keys"
  fi
fi

if [ -n "$INPUT_TOKEN" ]; then for_later_steps GATE_TOKEN "$INPUT_TOKEN"; fi
if [ -n "$INPUT_REASON" ]; then for_later_steps GATE_REASON "$INPUT_REASON"; fi
case $INPUT_NO_WAIT in
  true) for_later_steps GATE_NO_WAIT 1 ;;
  false | "") ;;
  *) refuse "\`no-wait\` is true or false" ;;
esac

tools=()
for tool in $INPUT_TOOLS; do tools+=("$tool"); done
[ "${#tools[@]}" -gt 0 ] || refuse "\`tools\` names no tool"
"$gate" shim install --dir "$folder/shims" -- "${tools[@]}"
# Behind that of gate itself: the last one that is added comes first on PATH.
printf '%s\n' "$folder/shims" >>"$GITHUB_PATH"
