/* The structures of ThreadX that lead to its threads, at rest; the scheduler idles, so no thread is current. */
#include "frames.h"

typedef struct TX_THREAD_STRUCT {
    uint32_t tx_thread_id, tx_thread_run_count;
    void *tx_thread_stack_ptr, *tx_thread_stack_start, *tx_thread_stack_end;
    uint32_t tx_thread_stack_size, tx_thread_time_slice, tx_thread_new_time_slice;
    struct TX_THREAD_STRUCT *tx_thread_ready_next, *tx_thread_ready_previous;
    char *tx_thread_name;
    uint32_t tx_thread_priority, tx_thread_state, tx_thread_delayed_suspend, tx_thread_suspending;
    uint32_t tx_thread_preempt_threshold;
    void (*tx_thread_schedule_hook)(void);
    void (*tx_thread_entry)(uint32_t);
    uint32_t tx_thread_entry_parameter;
    uint32_t tx_thread_timer[7];
    void (*tx_thread_suspend_cleanup)(void);
    void *tx_thread_suspend_control_block;
    struct TX_THREAD_STRUCT *tx_thread_suspended_next, *tx_thread_suspended_previous;
    uint32_t tx_thread_suspend_info;
    void *tx_thread_additional_suspend_info;
    uint32_t tx_thread_suspend_option, tx_thread_suspend_status;
    struct TX_THREAD_STRUCT *tx_thread_created_next, *tx_thread_created_previous;
} TX_THREAD;

#ifdef __ARM_FP
static uint32_t one_stack[] = {0xFFFFFFFD, R4_R7(0x1000), R8_R11(0x1000), EXCEPTION(0x1000)};
static uint32_t two_stack[] = {0xFFFFFFED, S16_S31(0x2000), R4_R7(0x2000), R8_R11(0x2000), FLOAT_EXCEPTION(0x2000)};
#else
static uint32_t one_stack[] = {0xFFFFFFFD, R8_R11(0x1000), R4_R7(0x1000), EXCEPTION(0x1000)};
static uint32_t two_stack[] = {0xFFFFFFFD, R8_R11(0x2000), R4_R7(0x2000), EXCEPTION(0x2000)};
#endif
static TX_THREAD two;
static TX_THREAD one = {
    .tx_thread_stack_ptr = one_stack,
    .tx_thread_stack_start = one_stack,
    .tx_thread_name = "one",
    .tx_thread_priority = 5,
    .tx_thread_state = 6,
    .tx_thread_created_next = &two,
};
static TX_THREAD two = {
    .tx_thread_stack_ptr = two_stack,
    .tx_thread_stack_start = two_stack,
    .tx_thread_name = "two",
    .tx_thread_priority = 7,
    .tx_thread_state = 4,
    .tx_thread_created_next = &one,
};
TX_THREAD *_tx_thread_created_ptr = &one, *_tx_thread_current_ptr;
