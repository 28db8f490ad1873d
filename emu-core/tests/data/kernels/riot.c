/* The structures of RIOT that lead to its threads, at rest. */
#include "frames.h"

typedef enum { STOPPED, ZOMBIE, SLEEPING, MUTEX, RECEIVE, SEND, REPLY, ANY, ALL, MBOX, COND, RUNNING, PENDING } state_t;
struct _thread {
    char *sp;
    state_t status;
    uint8_t priority;
    int16_t pid;
    void *rq_entry;
    char *stack_start;
    const char *name;
    int stack_size;
};

#ifdef __ARM_FP
static uint32_t one_stack[] = {R4_R7(0x1000), R8_R11(0x1000), 0xFFFFFFFD, EXCEPTION(0x1000)};
static uint32_t two_stack[] = {R4_R7(0x2000), R8_R11(0x2000), 0xFFFFFFED, S16_S31(0x2000), FLOAT_EXCEPTION(0x2000)};
#else
static uint32_t one_stack[] = {R8_R11(0x1000), R4_R7(0x1000), 0xFFFFFFFD, EXCEPTION(0x1000)};
static uint32_t two_stack[] = {R8_R11(0x2000), R4_R7(0x2000), 0xFFFFFFFD, EXCEPTION(0x2000)};
#endif
static struct _thread idle = {.status = RUNNING, .priority = 15, .pid = 1, .name = "idle"};
static struct _thread one = {(char *)one_stack, RECEIVE, 7, 2, 0, (char *)one_stack, "one", sizeof one_stack};
static struct _thread two = {(char *)two_stack, PENDING, 8, 5, 0, (char *)two_stack, "two", sizeof two_stack};
struct _thread *sched_threads[8] = {[1] = &idle, [2] = &one, [5] = &two};
struct _thread *sched_active_thread = &idle;
