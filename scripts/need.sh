# To be sourced. need PROGRAM PACKAGE: the program is there, or is installed as that Debian package (root only).
need() {
  command -v "$1" >/dev/null || need_package "$1" "$2"
}

# need_library NAME PACKAGE: the same for a shared library of any version.
need_library() {
  /sbin/ldconfig -p | grep -F "$1.so" >/dev/null || need_package "$1" "$2"
}

need_package() {
  [ "$(id -u)" = 0 ] || { echo "$(basename "$0"): $1 is missing: apt-get install $2" >&2; exit 1; }
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q "$2" >/dev/null || { apt-get update -q >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -q "$2" >/dev/null; }
}
