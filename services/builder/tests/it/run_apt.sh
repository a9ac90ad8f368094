# Runs an instruction of a recipe with apt of this machine, in a mount namespace with other sources: DEBIAN_SOURCE FOLDER
# INSTRUCTION. FOLDER has the files of the package sources, at their paths. Nothing is installed.
set -eu
for folder in apt.conf.d sources.list.d preferences.d keyrings; do
    mkdir -p "/etc/apt/$folder"
    mount -t tmpfs tmpfs "/etc/apt/$folder"
done
if [ -e /etc/apt/sources.list ]; then mount --bind /dev/null /etc/apt/sources.list; fi
mount -t tmpfs tmpfs /var/lib/apt/lists
cp -r "$2/." /
cp "$1" /etc/apt/sources.list.d/debian.sources
exec /bin/sh -c "$3"
