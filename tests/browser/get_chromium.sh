#!/bin/sh
# Chromium from Debian's packages: installed where that is allowed, else unpacked into the folder $1 with what it needs.
set -eu
folder=$1
packages="chromium fonts-dejavu-core"

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

install() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends $packages
}

# What is missing here, by name: apt says what it would install.
missing() {
  apt-get install --simulate --quiet --no-install-recommends $packages | sed -n 's/^Inst \([^ ]*\) .*/\1/p'
}

unpack() {
  mkdir -p "$folder/download"
  names=$(missing)
  test -n "$names"
  (cd "$folder/download" && apt-get download --quiet $names)
  for package in "$folder"/download/*.deb; do dpkg -x "$package" "$folder/root"; done
  rm -r "$folder/download"
  root=$(cd "$folder/root" && pwd)
  libraries=$(find "$root/usr/lib" -name '*.so*' -printf '%h:' | tr ':' '\n' | sort -u | paste -s -d :)
  cat > "$folder/chromium" <<END
#!/bin/sh
LD_LIBRARY_PATH="$libraries" exec "$root/usr/lib/chromium/chromium" "\$@"
END
  chmod +x "$folder/chromium"
  "$folder/chromium" --version
}

if [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; then
  install || { as_root apt-get update --quiet && install; } || unpack
else
  unpack || { apt-get update --quiet && unpack; }
fi
