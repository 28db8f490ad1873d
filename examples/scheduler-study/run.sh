#!/bin/sh
# Runs the parts of the study: run.sh [PART...], all without arguments. Results go to out/.
# TICKSCOPE names another tickscope than the one on the path.
set -eu
cd "$(dirname "$0")"
tickscope=${TICKSCOPE:-tickscope}
elf=../../fixtures/study/elf

parts="schedulers overload ready-lists workers latency-pins latency-exti latency-gpio latency-cores pendsv critical samples fp memory"

# What each kernel needs, as its firmware counts it at its end: a table from the `~` lines.
memory() {
    echo "| Firmware | Flash | RAM for each task | RAM of scheduler and list | Deepest task stack | Stack of handlers |"
    echo "|---|--:|--:|--:|--:|--:|"
    for name in coop rr fixed-list fixed-heap fixed-rbtree fixed-bitmap edf-list edf-heap edf-rbtree \
        mn-list mn-heap mn-rbtree mn-bitmap table; do
        "$tickscope" run --quiet "$elf/$name.stm32f407.elf" | awk -v name=$name '
            function value(key) { for (i = 1; i <= NF; i++) if (split($i, a, "=") == 2 && a[1] == key) return a[2] }
            $2 == "stack" && $3 ~ /^(load|worker|measured)/ { split($4, a, "/"); if (a[1] + 0 > task) task = a[1] + 0 }
            $2 == "stack" && $3 == "main" { split($4, a, "/"); main = a[1] }
            $2 == "memory" { flash = value("flash") }
            $2 == "kernel" { each = value("bytes_each"); stack = value("stack_each"); fixed = value("scheduler") }
            END { printf "| `%s` | %d | %d + %d | %d | %d | %d |\n", name, flash, each, stack, fixed, task, main }'
    done
}

mkdir -p out
status=0
for part in ${*:-$parts}; do
    if [ "$part" = memory ]; then
        memory | tee out/memory.md
    elif [ -f "$part.toml" ]; then
        "$tickscope" bench "$part.toml" --html "out/$part.html" --markdown "out/$part.md" || status=1
    else
        echo "run.sh: no part named $part; there are: $parts" >&2
        exit 2
    fi
done
exit $status
