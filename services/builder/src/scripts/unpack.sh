# Unpacks an uploaded folder. A run that has continued has it already.
set -eu
umask 022
if [ -e /tmp/taken ]; then cat >/dev/null; exit 0; fi
rm -rf "$1"
mkdir -p "$1"
tar -xzf - -C "$1" --no-same-owner --no-same-permissions --delay-directory-restore
