#!/bin/sh
# Serves the PHP pages of a folder: php-server [FOLDER]. It listens on $PORT, or 8000. The error log of the server and of
# PHP is the standard error. In a folder named public, paths without a file go to its index.php.
set -eu
cd "${1:-.}"
DOCUMENT_ROOT=$(pwd -P)
PORT=${PORT:-8000}
export DOCUMENT_ROOT PORT
configuration=/etc/lighttpd/hearth.conf
if [ "${DOCUMENT_ROOT##*/}" = public ]; then
    configuration=$(mktemp)
    cat /etc/lighttpd/hearth.conf >"$configuration"
    echo 'url.rewrite-if-not-file = ("" => "/index.php${qsa}")' >>"$configuration"
fi
exec lighttpd -D -f "$configuration"
