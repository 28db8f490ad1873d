//! Errors with the lines that they are about, in the look of rustc.

use crate::source::{At, Source};
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use std::fmt;

/// One thing that is wrong.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// What is wrong, in one line.
    pub title: String,
    /// Places; the first one is where it is wrong.
    labels: Vec<(Source, std::ops::Range<usize>, String)>,
    /// What to do about it.
    help: Vec<String>,
}

impl Diagnostic {
    /// An error without a place.
    #[must_use]
    pub fn new(title: impl Into<String>) -> Diagnostic {
        Diagnostic {
            title: title.into(),
            labels: Vec::new(),
            help: Vec::new(),
        }
    }

    /// Add a place; the first one is where it is wrong, further ones explain.
    #[must_use]
    pub fn at(mut self, sources: &[Source], at: &At, label: impl Into<String>) -> Diagnostic {
        if let Some(source) = sources.get(usize::from(at.source)) {
            self.labels
                .push((source.clone(), at.span.clone(), label.into()));
        }
        self
    }

    /// Add advice.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Diagnostic {
        self.help.push(text.into());
        self
    }

    fn render(&self, renderer: &Renderer) -> String {
        let mut group = Group::with_title(Level::ERROR.primary_title(self.title.as_str()));
        let mut done: Vec<&str> = Vec::new();
        for (source, ..) in &self.labels {
            if done.contains(&&*source.name) {
                continue;
            }
            done.push(&source.name);
            let mut snippet = Snippet::source(&*source.text).path(&*source.name);
            for (i, (s, span, label)) in self.labels.iter().enumerate() {
                if s.name == source.name {
                    let kind = if i == 0 {
                        AnnotationKind::Primary
                    } else {
                        AnnotationKind::Context
                    };
                    let end = span.end.min(s.text.len());
                    let span = span.start.min(end)..end;
                    snippet = snippet.annotation(kind.span(span).label(label.as_str()));
                }
            }
            group = group.element(snippet);
        }
        for help in &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        renderer.render(&[group])
    }
}

/// Everything that is wrong with a machine, as far as it could be found at once.
#[derive(Clone, Debug)]
pub struct Errors(pub Vec<Diagnostic>);

impl Errors {
    /// The text for a terminal; colour only when asked for.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let all: Vec<String> = self.0.iter().map(|d| d.render(&renderer)).collect();
        all.join("\n\n")
    }
}

impl From<Diagnostic> for Errors {
    fn from(d: Diagnostic) -> Errors {
        Errors(vec![d])
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Errors {}
