#!/bin/sh
# The browser tests drive Debian's Chromium. Install it when it is missing and we may; else say how to get it.
command -v chromium >/dev/null 2>&1 && exit 0

as_root=
[ "$(id -u)" = 0 ] || as_root="sudo -n"
if command -v apt-get >/dev/null 2>&1 && $as_root true 2>/dev/null; then
  echo "Installing Chromium for the browser tests ..." >&2
  $as_root env DEBIAN_FRONTEND=noninteractive sh -c \
    'apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium' >&2 && exit 0
fi
echo "No Chromium, so the browser tests will fail. To get it: sudo apt-get install chromium" >&2
exit 1
