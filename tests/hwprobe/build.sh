#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Builds hwprobe into the directory given: hwprobe (for `qemu -kernel` and boot loaders) and hwprobe.iso (BIOS and UEFI
# machines with a text screen: write it to a USB stick).
set -eu
[ $# -eq 1 ] || { echo "usage: $0 DIRECTORY" >&2; exit 2; }
repository=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$repository"

flags="-std=c++20 -O2 -ffreestanding -fno-exceptions -fno-rtti -fno-threadsafe-statics -fno-stack-protector
    -fno-asynchronous-unwind-tables -fcf-protection=none -fno-tree-loop-distribute-patterns -mno-red-zone -mgeneral-regs-only
    -fno-pie -mcmodel=small -Wall -Wextra -Wconversion -Wshadow -Wold-style-cast -Werror -I$repository"
objects=
for source in tests/hwprobe/*.cpp; do
    object=$out/$(basename "$source").o
    ${CXX:-g++} $flags -c "$source" -o "$object"
    objects="$objects $object"
done
for source in tests/hwprobe/*.asm; do
    object=$out/$(basename "$source").o
    nasm -f elf64 -w+all -w-unknown-warning -Werror -I"$repository/" -o "$object" "$source"
    objects="$objects $object"
done
ld -nostdlib -static -no-pie -z noexecstack -z max-page-size=4096 --no-warn-rwx-segments --orphan-handling=error \
    -T tests/hwprobe/hwprobe.ld -o "$out/hwprobe.elf" $objects
# QEMU's -kernel takes 32-bit ELF only; everything lies below 4 GiB.
objcopy -O elf32-i386 "$out/hwprobe.elf" "$out/hwprobe"

mkdir -p "$out/iso/boot/grub"
cp "$out/hwprobe" "$out/iso/boot/hwprobe"
cat > "$out/iso/boot/grub/grub.cfg" <<EOF
set timeout=0
menuentry hwprobe {
    multiboot2 /boot/hwprobe ${HWPROBE_WORDS:-}
}
EOF
grub-mkrescue -o "$out/hwprobe.iso" "$out/iso" > "$out/grub-mkrescue.log" 2>&1 ||
    { cat "$out/grub-mkrescue.log" >&2; exit 1; }
