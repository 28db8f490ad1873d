#!/bin/sh
# Rebuilds lines.elf and boot.elf with arm-none-eabi-gcc (12.2 made the committed ones).
set -eu
cd "$(dirname "$0")"
FLAGS="-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16 -g -O2 -ffunction-sections -fdata-sections
  -ffile-prefix-map=$PWD=. -ffreestanding -nostdlib -Wl,--gc-sections -Wl,--build-id=sha1"
arm-none-eabi-gcc $FLAGS -T lines.ld lines.c -o lines.elf
# The same behind a boot loader of 16 KiB: with large pages the first segment begins with the ELF headers.
sed 's/ORIGIN = 0x00000000/ORIGIN = 0x08004000/' lines.ld > boot.ld
arm-none-eabi-gcc $FLAGS -Wl,-z,max-page-size=0x10000 -T boot.ld lines.c -o boot.elf
rm boot.ld
