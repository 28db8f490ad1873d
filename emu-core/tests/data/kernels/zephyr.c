/* The structures of Zephyr that lead to its threads, at rest. */
#include "frames.h"

struct k_thread;
struct _thread_base {
    union {
        struct {
            void *next, *prev;
        } qnode_dlist;
        void *qnode_rb[2];
    };
    void *pended_on;
    uint8_t user_options;
    uint8_t thread_state;
    union {
        struct {
            int8_t prio;
            uint8_t sched_locked;
        };
        uint16_t preempt;
    };
};
struct _callee_saved {
    uint32_t v1, v2, v3, v4, v5, v6, v7, v8, psp;
};
struct _preempt_float {
    float s16, s17, s18, s19, s20, s21, s22, s23, s24, s25, s26, s27, s28, s29, s30, s31;
};
struct _thread_arch {
    uint32_t basepri, swap_return_value;
#ifdef __ARM_FP
    struct _preempt_float preempt_float;
    union {
        uint32_t mode;
        struct {
            uint8_t mode_bits;
            uint8_t mode_exc_return;
        };
    };
#endif
};
struct k_thread {
    struct _thread_base base;
    struct _callee_saved callee_saved;
    void *init_data;
    struct k_thread *next_thread;
    char name[16];
    struct {
        uint32_t start, size, delta;
    } stack_info;
    struct _thread_arch arch;
};
struct _cpu {
    uint32_t nested;
    char *irq_stack;
    struct k_thread *current;
};
struct z_kernel {
    struct _cpu cpus[1];
    void *cache;
    struct k_thread *threads;
};

static uint32_t one_stack[] = {EXCEPTION(0x1000)};
#ifdef __ARM_FP
static uint32_t two_stack[] = {FLOAT_EXCEPTION(0x2000)};
#else
static uint32_t two_stack[] = {EXCEPTION(0x2000)};
#endif

static struct k_thread idle = {.base = {.prio = 15}, .name = "idle"};
static struct k_thread one = {
    .base = {.prio = -2, .thread_state = 2},
    .callee_saved = {R4_R7(0x1000), R8_R11(0x1000), (uint32_t)one_stack},
    .next_thread = &idle,
    .name = "one",
    .stack_info = {(uint32_t)one_stack, sizeof one_stack, 0},
#ifdef __ARM_FP
    .arch = {.mode_exc_return = 0xFD},
#endif
};
static struct k_thread two = {
    .base = {.prio = 3, .thread_state = 0x80},
    .callee_saved = {R4_R7(0x2000), R8_R11(0x2000), (uint32_t)two_stack},
    .next_thread = &one,
    .name = "two",
#ifdef __ARM_FP
    .arch = {.mode_exc_return = 0xED, .preempt_float = {16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31}},
#endif
};
struct z_kernel _kernel = {.cpus = {{.current = &idle}}, .threads = &two};

#define AT(type, member) __builtin_offsetof(struct type, member)
const uint32_t _kernel_thread_info_offsets[] = {
    1, AT(_cpu, current), AT(z_kernel, threads), 0xFFFFFFFF, AT(k_thread, next_thread), AT(_thread_base, thread_state),
    AT(_thread_base, user_options), AT(_thread_base, prio), AT(k_thread, callee_saved.psp), AT(k_thread, name),
    AT(k_thread, arch),
#ifdef __ARM_FP
    AT(_thread_arch, preempt_float), 0xFFFFFFFF, AT(_thread_arch, mode_exc_return),
#else
    0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF,
#endif
};
