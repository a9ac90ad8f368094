# Runs instructions of a recipe in a mount namespace of its own, with other settings of package clients than this machine's:
# PIP_SETTINGS UV_SETTINGS FOLDER INSTRUCTION...
set -eu
mount -t tmpfs tmpfs /opt
for name in $(env | sed -n 's/^\([A-Z_]*\)=.*/\1/p'); do
    case $name in PIP_* | UV_* | POETRY_* | PDM_*) unset "$name" ;; esac
done
cp "$1" /opt/pip.conf
cp "$2" /opt/uv.toml
cp -r "$3" /opt/source
shift 3
# Recipes have files of fixed names there.
mount -t tmpfs tmpfs /tmp
cd /opt/source
export PIP_CONFIG_FILE=/opt/pip.conf UV_CONFIG_FILE=/opt/uv.toml HOME=/tmp PATH="/opt/venv/bin:$PATH"
for instruction in "$@"; do
    /bin/sh -c "$instruction"
done
/opt/venv/bin/python -c 'import hearth_pond; print("depth", hearth_pond.DEPTH)'
