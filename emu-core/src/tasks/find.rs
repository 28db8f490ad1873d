//! Which kernel a firmware has, and its description resolved against its symbols and types.

use super::Tasks;
use super::frame::{Code, Layout};
use super::kernel::{Kernel, Rule, Walk};
use super::path::{From, Path, Resolver};
use crate::image::{Image, TypeId, Types};

/// A description with all paths resolved.
#[derive(Debug)]
pub(super) struct Found {
    pub running: Option<Path>,
    pub current: Path,
    pub name: Option<Path>,
    pub stack: Path,
    pub priority: Option<Path>,
    pub base_priority: Option<Path>,
    pub stack_base: Option<Path>,
    pub exists: Option<Path>,
    pub lists: Vec<FoundList>,
    pub rules: Vec<(Rule, Path)>,
    pub layouts: Vec<Layout>,
    pub code: Code,
}

#[derive(Debug)]
pub(super) struct FoundList {
    pub head: Path,
    pub walk: FoundWalk,
    pub state: String,
    pub number: Option<Path>,
}

/// See [`Walk`].
#[derive(Debug, Default)]
pub(super) struct FoundWalk {
    /// Is the head itself the task? Else it is a pointer, or `first` leads to one.
    pub direct: bool,
    pub first: Option<Path>,
    pub next: Option<Path>,
    pub end: Option<Path>,
    pub task: Option<Path>,
    /// Bytes from the task to the item.
    pub within: u32,
}

/// The tasks of a firmware, when it has this kernel.
pub(super) fn find(image: &Image, kernel: &Kernel) -> Option<Tasks> {
    let mut resolver = Resolver {
        image,
        types: Types::of(image),
        offsets: Vec::new(),
    };
    let is_there = |names: &String| {
        let mut names = names.split('|');
        names.any(|n| image.symbols.find(n.trim()).is_some())
    };
    if kernel.detect.is_empty() || !kernel.detect.iter().all(is_there) {
        return None;
    }
    if let Some(names) = &kernel.offsets {
        let mut names = names.split('|');
        let table = names.find_map(|n| offsets(image, n.trim()));
        resolver.offsets = table.unwrap_or_default();
    }
    let mut names = kernel.task.split('|');
    let task = names.find_map(|n| resolver.types.named(n.trim()));
    Some(Tasks {
        kernel: kernel.name.clone(),
        guess: task.is_none(),
        found: Found::new(&resolver, kernel, task)?,
    })
}

/// A table of words in the image.
fn offsets(image: &Image, name: &str) -> Option<Vec<u32>> {
    let symbol = image.symbols.find(name)?;
    let bytes = image.segments.iter().find_map(|s| {
        // A table that start-up code copies to RAM is read where it is linked for, or where it is loaded.
        let start = symbol.address.checked_sub(s.linked)? as usize;
        s.bytes.get(start..start.checked_add(symbol.size as usize)?)
    })?;
    let words = bytes.chunks_exact(4);
    Some(
        words
            .map(|w| u32::from_le_bytes([w[0], w[1], w[2], w[3]]))
            .collect(),
    )
}

impl Found {
    fn new(resolver: &Resolver<'_>, kernel: &Kernel, task: Option<TypeId>) -> Option<Found> {
        let variable = |p: &String| resolver.path(p, From::Variable);
        let member = |p: &String| resolver.path(p, From::Place(task));
        let fields = &kernel.fields;
        let mut lists = Vec::new();
        for list in &kernel.lists {
            let walk = list.walk.as_ref().and_then(|w| kernel.walks.get(w));
            let heads = match &list.head {
                Some(head) => variable(head).into_iter().collect(),
                None => task.map_or_else(Vec::new, |t| instances(resolver, t)),
            };
            for head in heads {
                let direct = list.head.is_none();
                let Some(walk) = FoundWalk::new(resolver, walk, &head, task, direct) else {
                    continue;
                };
                lists.push(FoundList {
                    head,
                    walk,
                    state: list.state.clone(),
                    number: list.number.as_ref().and_then(member),
                });
            }
        }
        let rules = kernel.states.iter();
        let rules = rules.filter_map(|r| Some((r.clone(), member(&r.field)?)));
        let layouts = kernel.frames.iter();
        let layouts = layouts
            .filter_map(|f| f.resolve(resolver.image, |p| resolver.path(p, From::Place(task))));
        Some(Found {
            running: kernel.running.as_ref().and_then(variable),
            current: variable(&kernel.current)?,
            name: fields.name.as_ref().and_then(member),
            stack: member(&fields.stack)?,
            priority: fields.priority.as_ref().and_then(member),
            base_priority: fields.base_priority.as_ref().and_then(member),
            stack_base: fields.stack_base.as_ref().and_then(member),
            exists: fields.exists.as_ref().and_then(member),
            lists,
            rules: rules.collect(),
            layouts: layouts.collect(),
            code: Code::of(resolver.image),
        })
    }
}

/// All variables that are tasks, or arrays of them.
fn instances(resolver: &Resolver<'_>, task: TypeId) -> Vec<Path> {
    let types = &resolver.types;
    let Some(size) = types.size(task).filter(|s| *s > 0) else {
        return Vec::new();
    };
    let mut paths = Vec::new();
    for v in types.variables_of(task) {
        let (Some(address), Some(kind)) = (v.address, v.kind) else {
            continue;
        };
        let count = types.size(kind).unwrap_or(size) / size;
        paths.push(Path::here(Some(task), address).each_of(size, count));
    }
    paths
}

impl FoundWalk {
    fn new(
        resolver: &Resolver<'_>,
        walk: Option<&Walk>,
        head: &Path,
        task: Option<TypeId>,
        direct: bool,
    ) -> Option<FoundWalk> {
        let Some(walk) = walk else {
            return Some(FoundWalk {
                direct,
                ..FoundWalk::default()
            });
        };
        let from_head = |p: &String| resolver.path(p, From::Place(head.kind));
        let first = match &walk.first {
            Some(path) => Some(from_head(path)?),
            None => None,
        };
        let item = first.as_ref().unwrap_or(head).target(&resolver.types);
        let item = item.or_else(|| task.filter(|_| walk.task.is_none() && walk.within.is_none()));
        let from_item = |p: &String| resolver.path(p, From::Place(item));
        let within = match &walk.within {
            Some(path) => resolver.path(path, From::Place(task))?.offset(),
            None => 0,
        };
        Some(FoundWalk {
            direct,
            first,
            next: match &walk.next {
                Some(path) => Some(from_item(path)?),
                None => None,
            },
            end: match &walk.end {
                Some(path) => Some(from_head(path)?),
                None => None,
            },
            task: match &walk.task {
                Some(path) => Some(from_item(path)?),
                None => None,
            },
            within,
        })
    }
}

impl Kernel {
    /// What is wrong with it, as far as that can be told without a firmware.
    pub(super) fn check(&self) -> Result<(), String> {
        for list in &self.lists {
            if let Some(walk) = &list.walk
                && !self.walks.contains_key(walk)
            {
                return Err(format!("lists: there is no walk `{walk}`"));
            }
        }
        if self.detect.is_empty() {
            return Err("detect: name at least one variable".to_owned());
        }
        self.frames.iter().try_for_each(super::kernel::Frame::check)
    }
}
