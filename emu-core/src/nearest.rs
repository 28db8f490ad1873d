//! Names that are near to a mistyped one.

/// The names among `known` that are near to `wrong`, the nearest first, at most `most`.
#[must_use]
pub fn nearest<'a>(
    wrong: &str,
    known: impl IntoIterator<Item = &'a str>,
    most: usize,
) -> Vec<&'a str> {
    let wrong = wrong.to_lowercase();
    let mut scored: Vec<(usize, &str)> = known
        .into_iter()
        .filter_map(|name| {
            let lower = name.to_lowercase();
            let d = distance(&wrong, &lower);
            let contained = wrong.len() > 2 && (lower.contains(&wrong) || wrong.contains(&lower));
            let near = d <= 1 + wrong.len() / 3;
            (contained || near).then_some((if contained { d.min(1) } else { d }, name))
        })
        .collect();
    scored.sort();
    scored
        .into_iter()
        .map(|(_, name)| name)
        .take(most)
        .collect()
}

/// Levenshtein distance, in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &cb) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(ca != cb);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_typing_errors_and_parts_of_names() {
        let known = ["stm32f407", "stm32f4discovery", "lm3s6965", "cortex-m3"];
        assert_eq!(nearest("stm32f470", known, 3)[0], "stm32f407");
        assert_eq!(nearest("discovery", known, 3), ["stm32f4discovery"]);
        assert!(nearest("z80", known, 3).is_empty());
    }
}
