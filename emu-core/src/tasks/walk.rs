//! The tasks of a resolved kernel, from memory.

use super::find::{Found, FoundList, FoundWalk};
use super::kernel::Rule;
use super::path::Path;
use super::{Reader, Task};
use std::collections::{BTreeMap, BTreeSet};

/// Most tasks, and most items of one list. More are taken for garbage.
const MOST: usize = 1024;

impl Found {
    pub fn list(&self, memory: &mut dyn Reader) -> Vec<Task> {
        let running = self.running.as_ref();
        if running.is_some_and(|p| matches!(p.number(memory, 0), None | Some(0))) {
            return Vec::new();
        }
        let current: Vec<i64> = self.current.numbers(memory, 0);
        let on = |id: u32| current.iter().position(|c| *c as u32 == id);
        if current.iter().all(|c| *c == 0) && running.is_none() {
            return Vec::new();
        }
        let mut states: BTreeMap<u32, String> = BTreeMap::new();
        for id in current.iter().map(|c| *c as u32).filter(|c| *c != 0) {
            states.insert(id, String::new());
        }
        for list in &self.lists {
            for id in list.tasks(memory) {
                if states.len() < MOST || states.contains_key(&id) {
                    let state = states.entry(id).or_default();
                    if state.is_empty() {
                        *state = list.state_of(memory, id);
                    }
                }
            }
        }
        let tasks = states.into_iter();
        let mut tasks: Vec<Task> = tasks
            .filter_map(|(id, state)| self.task(memory, id, state, on(id)))
            .collect();
        if !tasks.is_empty() && tasks.iter().all(|t| t.running_on.is_none()) {
            tasks.insert(0, Task::none());
        }
        tasks
    }

    fn task(
        &self,
        memory: &mut dyn Reader,
        id: u32,
        state: String,
        running_on: Option<usize>,
    ) -> Option<Task> {
        let stack = self.stack.pointer(memory, id)?;
        let number = |p: &Option<Path>, memory: &mut dyn Reader| p.as_ref()?.number(memory, id);
        if self.exists.is_some() && number(&self.exists, memory) == Some(0) {
            return None;
        }
        let running_on = running_on.and_then(|i| u32::try_from(i).ok());
        let state = match running_on {
            Some(_) => "running".to_owned(),
            None => self.state(memory, id, state),
        };
        let priority = number(&self.priority, memory);
        let name = self.name.as_ref().and_then(|p| p.text(memory, id));
        let mut layouts = self.layouts.iter();
        let registers = match running_on {
            None if stack != 0 => layouts.find_map(|l| l.read(memory, &self.code, id, stack)),
            _ => None,
        };
        Some(Task {
            id,
            name: name.unwrap_or_else(|| format!("task {id:#010x}")),
            state,
            priority,
            base_priority: number(&self.base_priority, memory).filter(|b| Some(*b) != priority),
            running_on,
            stack_base: number(&self.stack_base, memory).map(|n| n as u32),
            registers,
        })
    }

    /// The state by the rules, else the one of the task's list.
    fn state(&self, memory: &mut dyn Reader, id: u32, state: String) -> String {
        for (rule, path) in &self.rules {
            if rule.only.as_ref().is_none_or(|only| *only == state) {
                let values = path.numbers(memory, id);
                if let Some(text) = values.into_iter().find_map(|v| rule.fits(v)) {
                    return text;
                }
            }
        }
        if state.is_empty() {
            return "unknown".to_owned();
        }
        state
    }
}

impl Task {
    /// What stands for the core while it runs no task: a kernel that idles in its scheduler.
    fn none() -> Task {
        Task {
            id: 1,
            name: "no task".to_owned(),
            state: "running".to_owned(),
            priority: None,
            base_priority: None,
            running_on: Some(0),
            stack_base: None,
            registers: None,
        }
    }
}

impl Rule {
    fn fits(&self, value: i64) -> Option<String> {
        let value = value & self.mask.unwrap_or(-1);
        if !self.names.is_empty() {
            let name = self.names.get(usize::try_from(value).ok()?)?;
            return (!name.is_empty()).then(|| name.clone());
        }
        let fits = self.is.map_or(value != 0, |is| value == is);
        self.state.clone().filter(|_| fits)
    }
}

impl FoundList {
    fn state_of(&self, memory: &mut dyn Reader, task: u32) -> String {
        match self.number.as_ref().and_then(|n| n.number(memory, task)) {
            Some(n) => self.state.replace("{}", &n.to_string()),
            None => self.state.clone(),
        }
    }

    fn tasks(&self, memory: &mut dyn Reader) -> Vec<u32> {
        let mut tasks = Vec::new();
        for head in self.head.places(memory, 0) {
            if self.walk.direct {
                tasks.push(head);
            } else {
                self.walk.follow(memory, head, &mut tasks);
            }
        }
        tasks.retain(|t| *t != 0);
        tasks
    }
}

impl FoundWalk {
    fn follow(&self, memory: &mut dyn Reader, head: u32, tasks: &mut Vec<u32>) {
        let end = self.end.as_ref().and_then(|e| e.place(memory, head));
        let first = match &self.first {
            Some(path) => path.pointer(memory, head),
            None => super::path::word(memory, head),
        };
        let mut seen = BTreeSet::new();
        let mut next = first;
        while let Some(item) = next {
            if item == 0 || Some(item) == end || seen.len() >= MOST || !seen.insert(item) {
                return;
            }
            match &self.task {
                Some(path) => tasks.extend(path.pointer(memory, item)),
                None => tasks.push(item.wrapping_sub(self.within)),
            }
            next = self.next.as_ref().and_then(|n| n.pointer(memory, item));
        }
    }
}
