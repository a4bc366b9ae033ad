#!/bin/sh
# Boots systemd in a container whose root is this machine's, copied on write, and runs there what docs/GATEWAY.md says.
# Nothing of this machine changes. Called in a mount namespace of its own, with the folder of the packages and of install.sh.
set -eu
packages=$1
disk=$(mktemp -d)
mount -t tmpfs -o size=1g tmpfs "$disk"
mkdir "$disk/upper" "$disk/work" "$disk/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$disk/upper,workdir=$disk/work" "$disk/root"

# A machine of its own, where services may be started.
: > "$disk/root/etc/machine-id"
rm -f "$disk/root/usr/sbin/policy-rc.d"
cat > "$disk/root/etc/systemd/system/try.service" <<UNIT
[Unit]
SuccessAction=exit
FailureAction=exit
FailureActionExitStatus=1
After=basic.target systemd-journald.service

[Service]
Type=oneshot
ExecStart=/bin/sh /packages/install.sh
StandardOutput=file:/packages/said
StandardError=inherit
TimeoutStartSec=180
UNIT

status=0
systemd-nspawn --quiet --directory "$disk/root" --bind "$packages:/packages" --private-network --register=no --keep-unit \
    --machine smoltel-try --console=pipe --boot -- systemd.unit=try.service systemd.show_status=no || status=$?
umount "$disk/root" "$disk"
rmdir "$disk"
exit "$status"
