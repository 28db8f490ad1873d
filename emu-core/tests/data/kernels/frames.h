/* What the rest of these files shares: tasks that sleep in `sleep_here`, with known registers. */
#include <stdint.h>

#define NUMBERS(base) base + 0, base + 1, base + 2, base + 3
/* What the core stacks: r0 to r3, r12, LR, PC, xPSR; here with a word of padding behind it. */
#define EXCEPTION(base) NUMBERS(base), base + 12, (uint32_t)caller, (uint32_t)sleep_here, 0x01000200u, 0xAAAAAAAAu
#define FLOAT_EXCEPTION(base)                                                                                     \
    NUMBERS(base), base + 12, (uint32_t)caller, (uint32_t)sleep_here, 0x01000000u, NUMBERS(base + 0x100),        \
        NUMBERS(base + 0x104), NUMBERS(base + 0x108), NUMBERS(base + 0x10C), 0x03000000u, 0
#define R4_R7(base) base + 4, base + 5, base + 6, base + 7
#define R8_R11(base) base + 8, base + 9, base + 10, base + 11
#define S16_S31(base) NUMBERS(base + 0x110), NUMBERS(base + 0x114), NUMBERS(base + 0x118), NUMBERS(base + 0x11C)

__attribute__((used, noinline)) static void sleep_here(void)
{
    for (;;) {
    }
}
__attribute__((used, noinline)) static void caller(void) { sleep_here(); }
