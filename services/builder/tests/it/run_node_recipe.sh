# Runs instructions of a recipe in a mount namespace of its own, with other settings of npm than this machine's:
# NPM_SETTINGS FOLDER INSTRUCTION...
set -eu
mount -t tmpfs tmpfs /opt
for folder in etc usr; do
    mkdir "/opt/$folder" "/opt/$folder-work"
    mount -t overlay -o "lowerdir=/$folder,upperdir=/opt/$folder,workdir=/opt/$folder-work" overlay "/$folder"
done
for name in $(env | sed -n 's/^\([A-Za-z_]*\)=.*/\1/p'); do
    case $name in npm_* | NPM_* | YARN_* | COREPACK_* | PNPM_*) unset "$name" ;; esac
done
mkdir -p /usr/etc
cp "$1" /etc/npmrc
cp "$1" /usr/etc/npmrc
# yarn keeps packages of earlier runs there.
rm -rf /usr/local/share/.cache
cp -r "$2" /opt/source
shift 2
mkdir /opt/home
cd /opt/source
export HOME=/opt/home
for instruction in "$@"; do
    /bin/sh -c "$instruction"
done
cat dist/index.html
