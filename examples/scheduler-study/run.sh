#!/bin/sh
# Makes the results in README.md: run.sh [--bless] [PART...], all parts without arguments.
# Tables are put between their markers in README.md, pictures into plots/.
# --bless takes the figures as the new baselines. TICKSCOPE names another tickscope than the one on the path.
set -eu
cd "$(dirname "$0")"
tickscope=${TICKSCOPE:-tickscope}
study=../../fixtures/study

parts="schedulers rust overload ready-lists workers latency-pins latency-exti latency-gpio latency-cores pendsv critical \
samples fp gc allocators fragmentation memory gc-memory"

# What each kernel needs, as its firmware counts it at its end: a table from the `~` lines.
memory() {
    echo "| Firmware | Flash | RAM for each task | RAM of scheduler and list | Deepest task stack | Stack of handlers |"
    echo "|---|--:|--:|--:|--:|--:|"
    for name in coop rr fixed-list fixed-heap fixed-rbtree fixed-bitmap edf-list edf-heap edf-rbtree \
        mn-list mn-heap mn-rbtree mn-bitmap table; do
        "$tickscope" run --quiet "$study/elf/$name.stm32f407.elf" | awk -v name=$name '
            function value(key) { for (i = 1; i <= NF; i++) if (split($i, a, "=") == 2 && a[1] == key) return a[2] }
            $2 == "stack" && $3 ~ /^(load|worker|measured)/ { split($4, a, "/"); if (a[1] + 0 > task) task = a[1] + 0 }
            $2 == "stack" && $3 == "main" { split($4, a, "/"); main = a[1] }
            $2 == "memory" { flash = value("flash") }
            $2 == "kernel" { each = value("bytes_each"); stack = value("stack_each"); fixed = value("scheduler") }
            END { printf "| `%s` | %d | %d + %d | %d | %d | %d |\n", name, flash, each, stack, fixed, task, main }'
    done
}

# The same of collectors and allocators. Their programs print one line for it.
gc_memory() {
    echo "| Firmware | Deepest stack | data + bss |"
    echo "|---|--:|--:|"
    for name in leak refcount marksweep semispace incremental generational first-fit tlsf pools stack; do
        "$tickscope" run --quiet -m wired.toml "$study/gc/elf/$name.stm32f407.elf" | awk -v name=$name '
            function value(key) { for (i = 1; i <= NF; i++) if (split($i, a, "=") == 2 && a[1] == key) return a[2] }
            $2 == "usage" { printf "| `%s` | %d | %d |\n", name, value("stack_used"), value("data") + value("bss") }'
    done
}

# An hour of each allocator; what it found at worst, a second at a time.
fragmentation() {
    for name in first-fit tlsf pools stack; do
        "$tickscope" run --quiet --poke study_ms=3600000 "$study/gc/elf/$name.stm32f407.elf" >"out/$name.txt" &
    done
    wait
    echo "| Allocator | Heap, bytes | Largest free block / free bytes, at worst | Failed |"
    echo "|---|--:|--:|--:|"
    for name in first-fit tlsf pools stack; do
        awk -v name=$name '
            / heap [0-9]+ bytes/ { for (i = 1; i < NF; i++) if ($i == "heap") heap = $(i + 1) }
            /^checksum/ { sub("/1000,", "", $5); printf "| %s | %d | %.3f | %d |\n", name, heap, 1 - $5 / 1000, $7 }' "out/$name.txt"
    done
}

# Puts out/PART.md between the part's markers.
put_in() {
    awk -v part="$1" -v file="out/$1.md" '
        $0 == "<!-- results: " part " -->" {
            print; print ""; while ((getline line < file) > 0) print line; print ""; within = 1; found = 1
        }
        $0 == "<!-- end -->" { within = 0 }
        !within { print }
        END { exit !found }' README.md >out/README.md || { echo "run.sh: README.md has no place for $1" >&2; exit 2; }
    cat out/README.md >README.md
}

bless=
if [ "${1-}" = --bless ]; then
    bless=--bless
    shift
fi
mkdir -p out
status=0
for part in ${*:-$parts}; do
    case $part in
    memory) memory >out/memory.md ;;
    gc-memory) gc_memory >out/gc-memory.md ;;
    fragmentation) fragmentation >out/fragmentation.md ;;
    *)
        [ -f "$part.toml" ] || { echo "run.sh: no part named $part; there are: $parts" >&2; exit 2; }
        plots=
        if grep -q '^\[\[plot' "$part.toml"; then plots="--plots plots"; fi
        rm -f "out/$part.md"
        # shellcheck disable=SC2086
        "$tickscope" bench "$part.toml" $bless --tables "out/$part.md" $plots || status=1
        [ -f "out/$part.md" ] || exit 2
        ;;
    esac
    put_in "$part"
done
exit $status
