#!/bin/sh
# Rust's standard library for 32-bit Arm with musl. Where rustup does not find it under its channel's date, the same file is taken from
# beside the release, and its digest is compared with the one that stands there.
set -eu
target=armv7-unknown-linux-musleabihf
rustup target add "$target" 2>/dev/null && exit
version=$(rustc --version | cut -d' ' -f2)
name=rust-std-$version-$target
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
for file in "$name.tar.xz" "$name.tar.xz.sha256"; do
    curl --fail --silent --show-error --location --remote-name "https://static.rust-lang.org/dist/$file"
done
echo "$(cut -c1-64 "$name.tar.xz.sha256")  $name.tar.xz" | sha256sum --check --quiet
tar -xJf "$name.tar.xz" --strip-components=2 -C "$(rustc --print sysroot)" "$name/rust-std-$target/lib"
