# Shared by the scripts of this directory; sourced, never run. Goes to the repository's root and defines words.
cd "$(dirname "${BASH_SOURCE[0]}")/.."
ROOT=$PWD
VENV="$ROOT/.venv"
PROVE_VENV="$ROOT/.venv-prove" # slither and halmos: their own versions of what .venv has too
KUBO_VERSION=0.43.0
EVMD_VERSION=v0.3.2
CACHE="${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/fiducia"
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 npm_config_audit=false npm_config_fund=false npm_config_update_notifier=false

say() { printf '%s\n' "$*" >&2; }
die() {
  say "error: $*"
  exit 2
}

# hash_of FILE...: one digest over names and contents, whichever tool this machine has.
hash_of() {
  local tool=(sha256sum)
  command -v sha256sum > /dev/null || tool=(shasum -a 256)
  "${tool[@]}" "$@" | "${tool[@]}" | cut -c1-16
}

# step NAME COMMAND...: runs it, prints one line with its time, and its output only when it fails.
step() {
  local name=$1 started=$SECONDS out status=0
  shift
  out=$("$@" 2>&1 < /dev/null) || status=$?
  if ((status == 0)); then
    printf 'ok    %-28s %4ds\n' "$name" $((SECONDS - started))
  else
    printf 'FAIL  %-28s %4ds\n%s\n' "$name" $((SECONDS - started)) "$out"
  fi
  return "$status"
}
