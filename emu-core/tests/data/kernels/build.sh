#!/bin/sh
# Rebuilds the ELF files with arm-none-eabi-gcc (12.2 made the committed ones). They never run: `../../kernels.rs`
# reads the tasks of these kernels out of their initialised data. Not the kernels themselves; members that do not
# matter are left out.
set -eu
cd "$(dirname "$0")"
for kernel in zephyr threadx riot chibios; do
    for core in "m0 -mcpu=cortex-m0" "m4f -mcpu=cortex-m4 -mfloat-abi=hard -mfpu=fpv4-sp-d16"; do
        # shellcheck disable=SC2086
        arm-none-eabi-gcc ${core#* } -mthumb -g -Os -ffreestanding -nostdlib -fno-section-anchors -Wall -Wextra \
            -Wno-missing-field-initializers -ffile-prefix-map="$PWD"=. -Wl,--build-id=none -Wl,-z,max-page-size=8 \
            -Wl,--no-warn-rwx-segments -T ../lines.ld -Wl,-e,0 $kernel.c -o $kernel.${core%% *}.elf
    done
done
