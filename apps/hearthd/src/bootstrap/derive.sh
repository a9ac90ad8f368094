# Installs packages on top of a root file system, so that UPPER contains the difference only. Runs in a separate mount
# namespace, which removes all mounts at its end.
#
# derive LOWER UPPER WORK ROOT LISTS OPTION_OR_PACKAGE...
lower=$1 upper=$2 work=$3 root=$4 lists=$5
shift 5
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$upper,workdir=$work,redirect_dir=off,metacopy=off" "$root"
mount --bind -o ro "$lists" "$root/var/lib/apt/lists"
for folder in tmp run var/cache/apt var/log; do
    mount -t tmpfs tmpfs "$root/$folder"
done
mkdir -p "$root/var/cache/apt/archives/partial" "$root/var/log/apt"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
[ -e "$root/etc/resolv.conf" ] || : >"$root/etc/resolv.conf"
mount --bind /etc/resolv.conf "$root/etc/resolv.conf"
# Packages of Java register their manual pages, which images leave out, and fail without their folder.
mkdir -p "$root/usr/share/man/man1"
# Packages must not start their services.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 \
    chroot "$root" apt-get install --quiet --yes --no-install-recommends -o APT::Sandbox::User=root "$@"
rm "$root/usr/sbin/policy-rc.d"
