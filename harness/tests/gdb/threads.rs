//! Tasks of a kernel as threads.

use crate::session::Session;

#[test]
fn tasks_of_the_small_kernel() {
    for name in [
        "kernel-8.stm32f407",
        "kernel-8.cortex-m0plus",
        "kernel-8.cortex-m3",
    ] {
        let Some(mut s) = Session::start(name, &[]) else {
            return;
        };
        s.play(&[
            // Before the kernel runs there is the core alone.
            ("info threads", "* 1\n!receiver"),
            ("break collect", "Breakpoint 1"),
            ("continue", "collect ("),
            ("info threads", "receiver"),
            ("break fp_work", "Breakpoint 2"),
            ("continue", "fp_work ("),
        ]);
        let list = s.ask("info threads");
        for task in ["receiver", "collector", "reporter"] {
            assert!(list.contains(task), "{name}: no {task} in\n{list}");
        }
        assert!(list.matches("work").count() >= 8, "{list}");
        let receiver = list
            .lines()
            .find(|l| l.contains("receiver"))
            .expect("found");
        let id = receiver
            .split_whitespace()
            .find(|w| w.parse::<u32>().is_ok());
        let id = id.expect("a number");
        let (pc, cycles) = (s.number("$pc"), s.number("$cycles"));
        s.play(&[
            // A sleeping task: where it waits, on its own stack.
            (&format!("thread {id}"), "Switching to thread\nk_wait"),
            ("backtrace", "k_wait (\nk_queue_get (\nreceive ("),
            ("frame 1", "k_queue_get"),
            ("thread apply all backtrace 1", "Thread"),
        ]);
        assert_eq!(s.number("$cycles"), cycles);
        s.play(&[("thread 1", "Switching to thread 1")]);
        let running = s.ask("info threads");
        assert_eq!(running.lines().filter(|l| l.starts_with('*')).count(), 1);
        s.play(&[
            ("delete", ""),
            ("break finish", "Breakpoint 3"),
            ("continue", "finish (status=0)"),
        ]);
        assert_ne!(s.number("$pc"), pc);
        s.play(&[("continue", "exited normally")]);
        assert_eq!(s.end().code, Some(0));
    }
}

#[test]
fn a_breakpoint_of_one_thread() {
    let Some(mut s) = Session::start("kernel-8.stm32f407", &[]) else {
        return;
    };
    s.play(&[
        ("break fp_work", "Breakpoint 1"),
        ("continue", "fp_work ("),
        ("continue", "fp_work ("),
    ]);
    let first = s.ask("thread");
    assert!(first.contains("Current thread is"), "{first}");
    s.play(&[
        // It stays with the thread while it steps, though others run between.
        ("next", "apps/kernel/main.c"),
        ("next", "apps/kernel/main.c"),
        ("finish", "work ("),
    ]);
    assert_eq!(s.ask("thread").split(' ').nth(3), first.split(' ').nth(3));
}
