# shellcheck shell=bash
# For checks that need more than Rust and a C compiler; to be sourced.

# need COMMAND:PACKAGE...: installs the Debian packages of the commands that are not there. A COMMAND with
# a slash is a file, wildcards allowed. Ends the script where that cannot be done, and says what is missing.
need() {
  local pair wanted missing=() packages=()
  for pair in "$@"; do
    wanted=${pair%%:*}
    case $wanted in
      */*) compgen -G "$wanted" ;;
      *) command -v "$wanted" ;;
    esac >/dev/null || { missing+=("$wanted"); packages+=("${pair##*:}"); }
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  local says="$0: not installed: ${missing[*]} (Debian's ${packages[*]})"
  command -v apt-get >/dev/null || { echo "$says; there is no apt-get to install it with" >&2; exit 1; }
  [ "$(id -u)" = 0 ] || { echo "$says; install it, or run this as root" >&2; exit 1; }
  local apt=(apt-get -o DPkg::Lock::Timeout=300 -q)
  { "${apt[@]}" update && DEBIAN_FRONTEND=noninteractive "${apt[@]}" install -y --no-install-recommends \
    "${packages[@]}"; } >/dev/null || { echo "$says; apt-get could not install it" >&2; exit 1; }
}
