#!/usr/bin/env bash
# What `dotnet format` checks and the build does not: the order of usings, line ends, the end of files. Within a second, where that takes half a minute.
set -euo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C
git ls-files '*.cs' | xargs awk '
  function fault(text) { printf "%s:%d: %s\n", FILENAME, FNR, text; bad = 1 }
  FNR == 1 { last = "" }
  /\r$/ { fault("ends in CR LF; the files of this project end lines in LF") }
  /[ \t]$/ { fault("white space at the end of the line") }
  /^using [A-Za-z0-9_.]+;$/ {
    # System first; within that by the parts of the name.
    name = substr($2, 1, length($2) - 1)
    key = (name ~ /^System(\.|$)/ ? 0 : 1) tolower(name)
    gsub(/\./, " ", key)
    if (last != "" && key < last) fault("using " name " is not in order")
    last = key
  }
  END { exit bad }' || exit 1
if [ "$(git ls-files '*.cs' | xargs tail -qc 1 | tr -d '\n' | wc -c)" != 0 ]; then
  echo "a file has no end of line at its end; dotnet format whitespace says which, and mends it" >&2
  exit 1
fi
