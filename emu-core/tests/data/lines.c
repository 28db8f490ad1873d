/* Firmware for the tests of images, symbols and lines. Line numbers matter: the tests name them. */
#include <stdint.h>

extern uint32_t _estack;
void Reset_Handler(void);
void Default_Handler(void);
void SysTick_Handler(void) __attribute__((weak, alias("Default_Handler")));

__attribute__((section(".vectors"), used)) const void *const vectors[16] = {
    &_estack, Reset_Handler, Default_Handler, Default_Handler, [15] = SysTick_Handler,
};

volatile uint32_t counter = 7;
volatile float ratio;
uint32_t zeroes[8];

/* Thrown away by the linker; long enough to cover the living code when read at address zero. */
uint32_t dead_function(uint32_t x) {
    for (int i = 0; i < 10; i++) {
        counter += x; counter *= 3; counter ^= x; counter -= 5; counter += x; counter *= 7;
        counter += x; counter *= 3; counter ^= x; counter -= 5; counter += x; counter *= 7;
        counter += x; counter *= 3; counter ^= x; counter -= 5; counter += x; counter *= 7;
        counter += x; counter *= 3; counter ^= x; counter -= 5; counter += x; counter *= 7;
        counter += x; counter *= 3; counter ^= x; counter -= 5; counter += x; counter *= 7;
    }
    return counter;
}

static inline __attribute__((always_inline)) void bump(uint32_t by) {
    counter += by;                                              /* line 30 */
}

__attribute__((noinline)) static uint32_t work(uint32_t x) {
    bump(x);                                                    /* line 34 */
    ratio = ratio * 1.5f;
    return counter + 0x12345678;
}

int main(void) {
    for (uint32_t i = 0;; i++)
        zeroes[i & 7] = work(i);                                /* line 41 */
}

/* No type and no size: what hand-written assembly often lacks. */
__asm__(".section .text.untyped,\"ax\",%progbits\n"
        ".global untyped\n"
        ".thumb\n"
        "untyped: nop\n"
        "inner: bx lr\n"
        ".section .note.tickscope,\"a\",%note\n"
        ".word 10, 12, 1\n"
        ".asciz \"tickscope\"\n"
        ".balign 4\n"
        ".ascii \"cortex-m4f\\0\\0\"\n");

void untyped(void);

void Reset_Handler(void) {
    untyped();
    main();
}

void Default_Handler(void) {
    for (;;) {
    }
}
