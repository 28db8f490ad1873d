/* The structures of ChibiOS/RT 21.11 that lead to its threads, at rest. */
#include "frames.h"

typedef struct ch_queue {
    struct ch_queue *next, *prev;
} ch_queue_t;
struct port_intctx;
typedef struct ch_thread {
    union {
        ch_queue_t queue;
        struct {
            void *next, *prev;
            uint32_t prio;
        } pqueue;
    } hdr;
    struct {
        struct port_intctx *sp;
    } ctx;
    ch_queue_t rqueue;
    void *owner;
    const char *name;
    void *wabase;
    uint8_t state;
    uint32_t realprio;
} thread_t;
struct ch_os_instance {
    struct {
        struct {
            void *next, *prev;
            uint32_t prio;
        } pqueue;
        thread_t *current;
    } rlist;
    uint32_t vtlist[5];
    ch_queue_t reglist;
};

/* A thread leaves as in a call. */
#ifdef __ARM_FP
static uint32_t one_stack[] = {S16_S31(0x1000), R4_R7(0x1000), R8_R11(0x1000), (uint32_t)sleep_here, 0};
static uint32_t two_stack[] = {S16_S31(0x2000), R4_R7(0x2000), R8_R11(0x2000), (uint32_t)sleep_here, 0};
#else
static uint32_t one_stack[] = {R8_R11(0x1000), R4_R7(0x1000), (uint32_t)sleep_here, 0};
static uint32_t two_stack[] = {R8_R11(0x2000), R4_R7(0x2000), (uint32_t)sleep_here, 0};
#endif
extern struct ch_os_instance ch0;
static thread_t one, two;
static thread_t idle = {.hdr.pqueue.prio = 1, .realprio = 1, .rqueue = {&one.rqueue, &ch0.reglist}, .name = "idle", .state = 1};
static thread_t one = {
    .hdr.pqueue.prio = 128,
    .realprio = 100,
    .ctx.sp = (struct port_intctx *)one_stack,
    .rqueue = {&two.rqueue, &idle.rqueue},
    .wabase = one_stack,
    .name = "one",
    .state = 6,
};
static thread_t two = {
    .hdr.pqueue.prio = 64,
    .realprio = 64,
    .ctx.sp = (struct port_intctx *)two_stack,
    .rqueue = {&ch0.reglist, &one.rqueue},
    .wabase = two_stack,
    .name = "two",
    .state = 8,
};
struct ch_os_instance ch0 = {.rlist.current = &idle, .reglist = {&idle.rqueue, &two.rqueue}};
void _port_switch(void) {}
