//! The description of a kernel: which variables and members lead to its tasks.
//!
//! A *path* is what C would write, from a variable or from a task: `sched_threads[]`, `base.prio`,
//! `pxDelayedTaskList->`. `[]` stands for all elements; `a | b` for the first that the firmware has.
//! For files without DWARF a step can say where its member usually is: `uxPriority@44`, `prio@14:i8`,
//! `pcTaskName@52:text16`, `pxReadyTasksLists[]@20` (bytes of an element); `@#7-32` is entry 7 of the table of
//! offsets that the firmware brings along, minus 32.
//!
//! The *words* of a frame are the saved registers from the saved stack pointer upwards: registers and ranges of
//! them (`r4-r11`, `x5-x31`), `pc`, `exc_return`, `mstatus`, `-` for a word that is something else (`-*3`: three),
//! `exception` for what the core stacks by itself. A range with `?` is there only when `exc_return` says that FP
//! registers were in use. Of several frames, the first that makes sense is taken.

use super::Tasks;
use super::find;
use crate::image::Image;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A description.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kernel {
    /// Its name.
    pub name: String,
    /// Variables that a firmware with this kernel has, all of them.
    pub detect: Vec<String>,
    /// Type of a task.
    pub task: String,
    /// From a variable: tasks exist when this is not zero.
    pub running: Option<String>,
    /// From a variable: pointers to the running tasks, one for each core.
    pub current: String,
    /// A variable: table of offsets, for files without DWARF.
    pub offsets: Option<String>,
    /// Where a task keeps what.
    pub fields: Fields,
    /// Ways through lists, by name.
    #[serde(default)]
    pub walks: BTreeMap<String, Walk>,
    /// Where tasks are. The first list that has a task tells its state.
    pub lists: Vec<List>,
    /// States that a task tells itself; the first rule that fits counts.
    #[serde(default)]
    pub states: Vec<Rule>,
    /// Layouts of saved registers.
    pub frames: Vec<Frame>,
}

/// Paths from a task.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fields {
    /// An array of characters, or a pointer to some.
    pub name: Option<String>,
    /// The saved stack pointer.
    pub stack: String,
    /// A number.
    pub priority: Option<String>,
    /// The priority without inheritance.
    pub base_priority: Option<String>,
    /// Lowest address of the stack.
    pub stack_base: Option<String>,
    /// A task exists when this is not zero.
    pub exists: Option<String>,
}

/// How to get through a list.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Walk {
    /// From the head: pointer to the first item. Without it the head is that pointer.
    pub first: Option<String>,
    /// From an item: pointer to the next. Without it there is one item.
    pub next: Option<String>,
    /// From the head: what lies there ends the list, besides zero and the first item.
    pub end: Option<String>,
    /// From an item: pointer to its task. Without it the item is the task, or lies in it.
    pub task: Option<String>,
    /// The member of the task that the item is.
    pub within: Option<String>,
}

/// Where tasks are.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// From a variable: the head, or several. Without it: all variables that are tasks.
    pub head: Option<String>,
    /// How to go on from there.
    pub walk: Option<String>,
    /// State of its tasks. `{}` stands for `number`.
    #[serde(default)]
    pub state: String,
    /// From a task: a number for the state.
    pub number: Option<String>,
}

/// A state that a task tells itself.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Only for tasks of a list with this state.
    pub only: Option<String>,
    /// From the task: a number, or several of which one must fit.
    pub field: String,
    /// Its bits that count.
    pub mask: Option<i64>,
    /// Its value for this state; without it any but zero.
    pub is: Option<i64>,
    /// The state.
    pub state: Option<String>,
    /// States by value, from zero on; empty ones do not fit.
    #[serde(default)]
    pub names: Vec<String>,
}

/// Where registers of a task that does not run are.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frame {
    /// `arm` or `riscv`; `arm-baseline` is Armv6-M and Armv8-M baseline only, `arm-mainline` all other Cortex-M.
    pub architecture: String,
    /// What lies on the stack, from the saved stack pointer upwards.
    pub words: String,
    /// Registers that are members of the task. Paths from it; a range is an array: `s16-s31`.
    #[serde(default)]
    pub registers: BTreeMap<String, String>,
}

/// A description that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("kernel description {name}: {reason}")]
pub struct DescriptionError {
    /// The file, or the kernel.
    pub name: String,
    /// What is wrong, and where.
    pub reason: String,
}

impl Kernel {
    /// Read a description; `name` stands for the file in messages.
    ///
    /// # Errors
    /// [`DescriptionError`] when it is not one.
    pub fn parse(name: &str, text: &str) -> Result<Kernel, DescriptionError> {
        let fail = |reason: String| DescriptionError {
            name: name.to_owned(),
            reason,
        };
        let kernel: Kernel = toml::from_str(text).map_err(|e| fail(e.to_string()))?;
        kernel.check().map_err(fail)?;
        Ok(kernel)
    }

    /// The kernels that are known.
    #[must_use]
    pub fn built_in() -> Vec<Kernel> {
        let all = [
            ("freertos", include_str!("kernels/freertos.toml")),
            ("zephyr", include_str!("kernels/zephyr.toml")),
            ("threadx", include_str!("kernels/threadx.toml")),
            ("riot", include_str!("kernels/riot.toml")),
            ("chibios", include_str!("kernels/chibios.toml")),
            ("fixture", include_str!("kernels/fixture.toml")),
            ("study", include_str!("kernels/study.toml")),
        ];
        // A test parses each.
        let parsed = all.iter().map(|(name, text)| Kernel::parse(name, text));
        parsed.filter_map(Result::ok).collect()
    }
}

impl Tasks {
    /// The first of some kernels that a firmware has; `None` when it has none of them.
    #[must_use]
    pub fn find(image: &Image, kernels: &[Kernel]) -> Option<Tasks> {
        kernels.iter().find_map(|k| find::find(image, k))
    }
}
